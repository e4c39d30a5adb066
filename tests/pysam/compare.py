#!/usr/bin/env python3
"""Write random pairs of tariff and load, with the bill NREL PySAM makes of each.

    python compare.py --count 1000 --seed 1 --out target/pysam/cases

Every pair becomes one case of kind `pysam_hourly` in the folder --out; the loads go to the folder
`loads` beside it. README.md says what the pairs cover, what they leave out and how exact they are.
"""
import argparse
import json
import math
import random
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import PySAM.Utilityrate5 as utilityrate5

DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
HOURS = [(m, (sum(DAYS[:m]) + day) % 7 >= 5, h) for m in range(12) for day in range(DAYS[m]) for h in range(24)]
UNITS = {"kWh": 0, "kWh/kW": 1, "kWh daily": 2, "kWh/kW daily": 3}
NO_LIMIT = 1e38
SLACK = 1e-7  # how far PySAM's own totals may be from the sum of their parts
BILL = {  # names in a case and in PySAM
    "energy": "charge_w_sys_ec_ym", "fixed": "charge_w_sys_fixed_ym", "minimum_topup": "charge_w_sys_minimum_ym",
    "demand_flat": "charge_w_sys_dc_fixed_ym", "demand_tou": "charge_w_sys_dc_tou_ym", "total": "utility_bill_w_sys_ym"}
CREDITS = {
    "excess_kwh_earned": "excess_kwhs_earned_ym", "energy_gross": "charge_w_sys_ec_gross_ym",
    "nm_dollars_applied": "nm_dollars_applied_ym", "net_billing_credit": "net_billing_credits_ym",
    "true_up_credit": "true_up_credits_ym", "two_meter_sales": "two_meter_sales_ym"}


def price(tier):
    return tier.get("rate", 0) + tier.get("adj", 0)


def money(rng, low, high, places=5):
    return round(rng.uniform(low, high), places)


def seasons(rng):
    """Month -> 0 or 1: a summer of three to six months, or one season all year."""
    start, length = rng.choice([4, 5, 6]), rng.choice([0, 0, 3, 4, 5, 6])
    return [int(start <= m < start + length) for m in range(12)]


def day_of(rng, periods):
    """The 24 hours of a day: the first period, interrupted by windows of the others."""
    day = [periods[0]] * 24
    windows = [[(14, 20), (16, 21), (12, 18), (17, 18), (7, 23)], [(6, 12), (9, 16), (21, 24), (0, 6)]]
    for period, choices in zip(periods[1:], windows + [[(2, 5), (10, 14)]] * 2):
        start, end = rng.choice(choices)
        day[start:end] = [period] * (end - start)
    if rng.random() < 0.15:  # hours drawn freely, as in no real tariff
        day = [rng.choice(periods) for _ in range(24)]
    return day


def schedules(rng, by_month, periods_of):
    """(weekday, weekend) tables of 12 x 24 periods; the season decides the periods."""
    weekday = {s: day_of(rng, periods_of[s]) for s in periods_of}
    style = rng.choice(["off", "off", "same", "own"])
    weekend = {s: {"off": [periods[0]] * 24, "same": weekday[s], "own": day_of(rng, periods)}[style]
               for s, periods in periods_of.items()}
    return [weekday[s] for s in by_month], [weekend[s] for s in by_month]


def limits(rng, unit, count):
    """Upper limits of all tiers but the last, each above the one before."""
    low, high = {"kWh": (150, 700), "kWh daily": (5, 20), "kWh/kW": (60, 220)}[unit]
    steps = [round(rng.uniform(low, high), rng.choice([0, 0, 1, 2])) for _ in range(count - 1)]
    return [round(sum(steps[: i + 1]), 2) for i in range(count - 1)]


def energy_period(rng, unit, tops, scale):
    """One period: a price per tier that goes up or down, some with an adjustment."""
    first, factor = rng.uniform(0.05, 0.35), rng.choice([0.7, 0.85, 1.15, 1.4])
    adjustment = {"adj": money(rng, -0.01, 0.05)} if rng.random() < 0.35 else {}
    tiers = [{"max": top if unit == "kWh/kW" else round(top * scale, 2)} for top in tops] + [{}]
    return [{"rate": round(first * factor**i, 5), "unit": unit} | adjustment | tier for i, tier in enumerate(tiers)]


def energy(rng, tariff, features, kind, option, scale):
    """Energy rates with or without periods and tiers; see README.md for what PySAM cannot do."""
    tou, tiers = rng.random() < 0.55, rng.random() < 0.5
    by_month = [0] * 12 if option == 0 else seasons(rng)
    two = max(by_month)
    first = 1 if not tou else rng.choice([2, 2, 3] if two else [2, 3, 4, 5])
    periods_of = {0: list(range(first))}
    if two:
        periods_of[1] = list(range(first, first + (rng.choice([1, 2]) if tou else 1)))
    unit, tops = "kWh", {0: [], 1: []}
    if tiers:
        unit = rng.choice(["kWh", "kWh", "kWh daily", "kWh daily", *["kWh/kW"] * (kind in ("plain", "demand"))])
        tops[0] = limits(rng, unit, rng.choice([2, 2, 3, 4]))
        # PySAM wants the same limits in all periods of a month, so they differ by season only
        tops[1] = limits(rng, unit, rng.choice([2, 3])) if rng.random() < 0.5 else tops[0]
        features.append({"kWh": "tier", "kWh daily": "tier_daily", "kWh/kW": "tier_kwh_per_kw"}[unit])
    drawn = [energy_period(rng, unit, tops[s], scale) for s, periods in periods_of.items() for _ in periods]
    tariff["energyratestructure"] = drawn
    while True:
        weekday, weekend = schedules(rng, by_month, periods_of)
        # PySAM carries kWh credits for the periods of four weekday hours and drops the others'
        if option != 0 or {weekday[0][h] for h in (0, 5, 11, 17)} == {p for row in weekday + weekend for p in row}:
            break
    tariff["energyweekdayschedule"], tariff["energyweekendschedule"] = weekday, weekend
    features += ["tou"] * tou + ["seasonal"] * two or ["flat"]


def demand_period(rng, tops):
    first, factor = rng.uniform(2, 20), rng.choice([0.8, 1.3])
    adjustment = {"adj": money(rng, -0.5, 1.5, 3)} if rng.random() < 0.3 else {}
    tiers = [{"max": top} for top in tops] + [{}]
    return [tier | {"rate": round(first * factor**i, 3)} | adjustment for i, tier in enumerate(tiers)]


def demand(rng, tariff, features, kinds, scale):
    def tops():
        first = round(rng.uniform(1, 4) * scale, 1)
        return rng.choice([[], [], [first], [first, round(first * 2.5, 1)]])

    if "flat" in kinds:
        tariff["flatdemandmonths"] = seasons(rng)
        tariff["flatdemandstructure"] = [demand_period(rng, tops()) for _ in range(max(tariff["flatdemandmonths"]) + 1)]
        features.append("demand_flat")
    if "tou" in kinds:
        by_month, shared = seasons(rng), tops()
        periods_of = {0: [0, 1, 2][: rng.choice([2, 3])], 1: [0, 3]}
        tariff["demandratestructure"] = [demand_period(rng, shared) for _ in range(4 if max(by_month) else 3)]
        if not shared and rng.random() < 0.5:
            tariff["demandratestructure"][0] = [{"rate": 0}]
        tariff["demandweekdayschedule"], tariff["demandweekendschedule"] = schedules(rng, by_month, periods_of)
        features.append("demand_tou")
    if any(len(p) > 1 for k in ("flatdemandstructure", "demandratestructure") for p in tariff.get(k, [])):
        features.append("demand_tiered")


def ratchet(rng, tariff, features):
    """A billing demand that looks back, on a flat demand charge (see README.md for the limits)."""
    tariff["demandratestructure"] = [[{"rate": 0}]]
    by_month = [rng.choice([50, 60, 75, 80, 90, 100])] * 12
    look_back, year_zero = rng.choice([0, 1, 2, 3, 6, 11, 12]), [0.0] * 12
    if rng.random() < 0.7:  # PySAM looks one month further back into the year before than into this one
        year_zero = [money(rng, 1, 90, 1) for _ in range(12)]
    if rng.random() < 0.4:  # only the summer's peaks are looked back on
        by_month = [by_month[0] if 5 <= m <= 8 else 0 for m in range(12)]
    tariff["pysam"] = {"ur_enable_billing_demand": 1, "ur_billing_demand_lookback_period": look_back,
                       "ur_billing_demand_lookback_percentages": [[percent, 1] for percent in by_month],
                       "ur_billing_demand_minimum": rng.choice([0.0, 5.0, 12.5]),
                       "ur_dc_billing_demand_periods": [[1, 1]], "ur_yearzero_usage_peaks": year_zero}
    features.append("demand_ratchet")


def metering(rng, tariff, features, option):
    """Own generation: kWh credits (0), money credits (1), net billing (2, 3), buy all sell all (4)."""
    for tiers in tariff["energyratestructure"]:
        sell = {"sell": money(rng, 0.02, 0.09, 4)}
        tiers[:] = [tier | sell for tier in tiers]
    tariff["pysam"] = {"ur_metering_option": option}
    if option == 3:
        tariff["pysam"]["ur_nb_apply_credit_current_month"] = rng.choice([0, 1])
    if option in (1, 3) or option == 0 and len(tariff["energyratestructure"]) == 1:
        rate = {"ur_nm_yearend_sell_rate": money(rng, 0.01, 0.06, 4)} if option == 0 else {}
        tariff["pysam"] |= rate | {"ur_nm_credit_month": rng.choice([11, 11, 2, 3, 5, 8])}
    features.append({0: "net_metering", 1: "net_metering_dollar", 2: "net_billing", 3: "net_billing_carried", 4: "buy_all_sell_all"}[option])


def fixed_and_minimum(rng, tariff, features, scale):
    unit, low, high = rng.choice([("$/month", 3, 40), ("$/month", 3, 40), ("$/day", 0.1, 1.2)])
    tariff["fixedchargefirstmeter"], tariff["fixedchargeunits"] = money(rng, low, high, 4), unit
    if rng.random() < 0.35:
        unit, low, high = rng.choice([("$/month", 20, 120), ("$/day", 0.6, 4), ("$/year", 300, 1500)])
        tariff["mincharge"], tariff["minchargeunits"] = money(rng, low * scale, high * scale, 3), unit
        features.append("minimum" if unit != "$/year" else "minimum_annual")


def random_pair(rng):
    features, tariff = [], {"format": "urdb", "currency": "USD"}
    kind = rng.choices(["plain", "demand", "ratchet", "generation"], [52, 25, 6, 17])[0]
    scale = rng.choice([1, 1, 1, 4]) if kind in ("plain", "generation") else rng.choice([5, 10, 25])
    option = rng.choice([0, 0, 0, 1, 2, 3, 3, 4]) if kind == "generation" else None
    energy(rng, tariff, features, kind, option, scale)
    if kind in ("demand", "ratchet"):
        kinds = [["flat"], ["flat"], ["tou"], ["flat", "tou"]] if kind == "demand" else [["flat"]]
        demand(rng, tariff, features, rng.choice(kinds), scale)
    if kind == "ratchet":
        ratchet(rng, tariff, features)
    if kind == "generation":
        metering(rng, tariff, features, option)
    fixed_and_minimum(rng, tariff, features, scale)
    generation = solar(rng, scale * rng.uniform(1, 7)) if kind == "generation" else None
    return tariff, features, load_curve(rng, scale), generation


def load_curve(rng, scale):
    """Hourly kW: a daily shape, a season, noise and now and then a spike."""
    base, peak, hour = rng.uniform(0.2, 0.6), rng.uniform(0.5, 2.0), rng.uniform(6, 21)
    season, warmest = rng.uniform(0, 0.6), rng.choice([0.5, 6.5])
    weekend, idle = rng.uniform(0.6, 1.2), rng.choice([()] * 9 + [(0, 1, 2)])
    values = []
    for month, is_weekend, h in HOURS:
        distance = min(abs(h - hour), 24 - abs(h - hour))
        kw = base + peak * math.exp(-distance * distance / 18)
        kw *= 1 + season * math.cos((month - warmest) * math.pi / 6)
        kw *= (weekend if is_weekend else 1) * (rng.uniform(0.8, 1.2) + 1.5 * (rng.random() < 0.001))
        values.append(0.0 if month in idle else round(kw * scale, 3))
    return values


def solar(rng, size):
    """Hourly kW of panels: longer days in summer, clouds by the hour."""
    length = [1 + 0.25 * math.cos((month - 5.5) * math.pi / 6) for month in range(12)]
    height = {(m, h): max(0.0, math.cos((h - 12) * math.pi / (13 * length[m]))) for m in range(12) for h in range(24)}
    return [round(height[m, h] * length[m] * size * rng.uniform(0.25, 0.75), 3) for m, _, h in HOURS]


def run(tariff, load, generation):
    """PySAM's outputs for a URDB tariff; the calendar starts on a Monday."""
    def rows(structure):
        return [((p + 1, t + 1, tier.get("max", NO_LIMIT)), tier)
                for p, tiers in enumerate(structure) for t, tier in enumerate(tiers)]

    def from_one(schedule):
        return [[period + 1 for period in row] for row in schedule]

    months = {"$/day": 365 / 12, "$/month": 1, "$/year": 0}
    minimum, unit = tariff.get("mincharge", 0), tariff.get("minchargeunits", "$/month")
    inputs = {
        "analysis_period": 1, "inflation_rate": 0, "system_use_lifetime_output": 0, "degradation": [0],
        "rate_escalation": [0], "load_escalation": [0], "en_electricity_rates": 1,
        "load": load, "gen": generation or [0.0] * len(load), "ur_metering_option": 0,
        "ur_ec_tou_mat": [[*row, UNITS[tier["unit"]], price(tier), tier.get("sell", 0)]
                          for row, tier in rows(tariff["energyratestructure"])],
        "ur_ec_sched_weekday": from_one(tariff["energyweekdayschedule"]),
        "ur_ec_sched_weekend": from_one(tariff["energyweekendschedule"]),
        "ur_monthly_fixed_charge": tariff["fixedchargefirstmeter"] * months[tariff["fixedchargeunits"]],
        "ur_monthly_min_charge": minimum * months[unit],
        "ur_annual_min_charge": minimum if unit == "$/year" else 0,
    }
    if "flatdemandstructure" in tariff or "demandratestructure" in tariff:
        no_charge, one_period = [[{"rate": 0}]], [[0] * 24] * 12
        flat, of_month = tariff.get("flatdemandstructure", no_charge), tariff.get("flatdemandmonths", [0] * 12)
        inputs |= {
            "ur_dc_enable": 1,
            "ur_dc_flat_mat": [[row[0] - 1, *row[1:], price(tier)] for row, tier in rows([flat[s] for s in of_month])],
            "ur_dc_tou_mat": [[*row, price(tier)] for row, tier in rows(tariff.get("demandratestructure", no_charge))],
            "ur_dc_sched_weekday": from_one(tariff.get("demandweekdayschedule", one_period)),
            "ur_dc_sched_weekend": from_one(tariff.get("demandweekendschedule", one_period)),
        }
    model = utilityrate5.new()
    for name, value in (inputs | tariff.get("pysam", {})).items():
        model.value(name, value)
    model.execute(0)
    return model.Outputs.export()


def cells(matrix):
    """{(period, tier): value} of a table whose first row and column are numbers from 1."""
    return {(int(row[0]) - 1, int(matrix[0][j]) - 1): row[j]
            for row in matrix[1:] for j in range(1, len(matrix[0])) if row[0] >= 1 and matrix[0][j] >= 1}


def adding_up(lines, total):
    if abs(sum(line["amount"] for line in lines) - total) > SLACK * max(1, abs(total)):
        raise SystemExit(f"{lines} do not add up to PySAM's {total}")
    return lines


def energy_detail(tariff, out, m, option):
    """Lines by period and tier; the prices are applied here, PySAM's total is checked against."""
    used, sold = cells(out[f"energy_w_sys_ec_{MONTHS[m]}_tp"]), cells(out[f"surplus_w_sys_ec_{MONTHS[m]}_tp"])
    credited, lines = option in (2, 4), []
    for (period, number), kwh in sorted(used.items()):
        surplus = sold.get((period, number), 0.0) if credited else 0.0
        if abs(kwh) > 1e-9 or abs(surplus) > 1e-9:
            tier = tariff["energyratestructure"][period][number]
            amount = kwh * price(tier) - surplus * tier.get("sell", 0)
            lines.append({"period": period, "tier": number, "kwh": kwh, "amount": amount})
    return adding_up(lines, out["charge_w_sys_ec_ym" if credited else "charge_w_sys_ec_gross_ym"][1][m])


def demand_detail(tariff, out, m):
    """The kW of each period (PySAM) and its charge (here: PySAM's own is a 32-bit float)."""
    peaks, lines = out["monthly_tou_demand_peak_w_sys"], []
    for column, kw in zip(peaks[0], peaks[m + 1]):
        period, tiers = int(column) - 1, tariff["demandratestructure"][int(column) - 1]
        tops = [0.0] + [tier.get("max", NO_LIMIT) for tier in tiers]
        amount = sum(max(0.0, min(kw, tops[t + 1]) - tops[t]) * price(tier) for t, tier in enumerate(tiers))
        lines.append({"period": period, "kw": kw, "amount": amount})
    return adding_up(lines, out["charge_w_sys_dc_tou_ym"][1][m])


def monthly(tariff, out, m, generation):
    def year_one(name):
        return out[name][1][m] + 0.0  # turns -0.0 into 0.0

    option = tariff.get("pysam", {}).get("ur_metering_option", 0)
    # the generation alone under buy all sell all; elsewhere the month's net before kWh credits
    net_kwh = out["year1_monthly_use_w_system"][m] if option == 4 else 0.0 - out["year1_monthly_electricity_to_grid"][m]
    line = {"month": m + 1, "net_kwh": net_kwh, "peak_kw": out["year1_monthly_peak_w_system"][m]}
    line |= {key: year_one(name) for key, name in BILL.items()}
    if generation:
        line["load_kwh"] = out["year1_monthly_load"][m]
        line |= {key: year_one(name) for key, name in CREDITS.items()}
    line["energy_detail"] = energy_detail(tariff, out, m, option)
    if len(tariff.get("demandratestructure", [])) > 1:
        line["demand_tou_detail"] = demand_detail(tariff, out, m)
    if "ur_enable_billing_demand" in tariff.get("pysam", {}):
        line["billing_demand_kw"] = year_one("billing_demand_w_sys_ym")
    return line


def write_case(number, seed, cases, loads):
    tariff, features, load, generation = random_pair(random.Random(f"{seed}/{number}"))
    name = f"pysam-random-{seed}-{number:05d}"
    (loads / f"{name}.csv").write_text("".join(f"{kw:.3f}\n" for kw in load))
    inputs = {"load_file": f"{loads.name}/{name}.csv", "load_scale": 1.0, "interval_minutes": 60,
              "calendar_year": 2018, "timezone": "local standard time, no DST"}
    if generation:
        (loads / f"{name}-generation.csv").write_text("".join(f"{kw:.3f}\n" for kw in generation))
        inputs |= {"generation_file": f"{loads.name}/{name}-generation.csv", "generation_scale": 1.0}
    out = run(tariff, load, generation)
    lines = [monthly(tariff, out, m, generation) for m in range(12)]
    case = {
        "id": name, "kind": "pysam_hourly",
        "source": f"NREL PySAM {version('NREL-PySAM')} Utilityrate5; tariff and load drawn at random",
        "licence": "computed by us with BSD-3 software", "commodity": "electricity", "features": features,
        "tariff": tariff, "inputs": inputs,
        "expected": {"monthly": lines, "annual_total": sum(line["total"] for line in lines)},
        "tolerance": "0.000001 per monthly line", "confidence": "high: independent engine, exact inputs", "notes": None,
    }
    (cases / f"{name}.json").write_text(json.dumps(case) + "\n")
    return features


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="how many pairs")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same pairs")
    parser.add_argument("--out", type=Path, required=True, help="folder for the case files; loads go beside it")
    arguments = parser.parse_args()
    folders = arguments.out, arguments.out.parent / "loads"
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    seen = Counter(f for number in range(arguments.count) for f in write_case(number, arguments.seed, *folders))
    print(f"{arguments.count} cases in {arguments.out}: " + ", ".join(f"{n} {c}" for n, c in sorted(seen.items())))


if __name__ == "__main__":
    main()
