//! Files with seeded mistakes: nothing panics, and what is taken is whole.

use meterdata::Item;
use meterdata::espi::EspiFile;
use rust_decimal::Decimal;

use crate::made::*;

/// What holds of everything that a reader says, whatever the bytes; how many values and rejections
/// there were.
fn check(bytes: &[u8]) -> (usize, usize) {
    let mut file = EspiFile::new(bytes);
    let lines = u64::try_from(bytes.split(|&byte| byte == b'\n').count()).unwrap();
    let mut is_over = false;
    let (mut count, mut values, mut rejections) = (0, 0, 0);
    for found in file.by_ref() {
        assert!(!is_over, "an item after a fault");
        count += 1;
        assert!(count <= bytes.len() + 1, "more items than bytes");
        match found {
            Ok(Item::Intervals(found)) => {
                let qualities: usize = found.qualities.iter().map(|run| run.count).sum();
                assert_eq!(qualities, found.values.len());
                values += qualities;
                assert!((1..=1_500).contains(&found.values.len()) && found.minutes > 0);
                assert!(found.qualities.iter().all(|run| run.count > 0 && run.quality.kind.is_some()));
                for value in &found.values {
                    assert!(value.scale() <= 10 && value.trunc().abs() < Decimal::from(10_u64.pow(18)));
                }
            }
            Ok(Item::Rejected(rejected)) => {
                assert!((1..=lines).contains(&rejected.line) && !rejected.detail.is_empty(), "{rejected:?}");
                rejections += 1;
            }
            Ok(_) => {}
            Err(_) => is_over = true,
        }
    }
    assert!(file.next().is_none());
    (values, rejections)
}

/// A small generator of its own, so that a seed means the same for ever.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }
}

fn mutated(text: &[u8], random: &mut Random) -> Vec<u8> {
    const PIECES: &[&str] = &[
        "<",
        ">",
        "/",
        "&",
        ";",
        "\"",
        "'",
        "</",
        "/>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<!DOCTYPE x>",
        "<?",
        "?>",
        "&amp;",
        "&#0;",
        "&x;",
        "-",
        "9",
        "99999999999999999999",
        ".",
        "\0",
        "\u{feff}",
        "é",
        " ",
        "\n",
        "<entry>",
        "</entry>",
        "<IntervalReading>",
        "<value>1</value>",
        "IntervalBlock",
        "MeterReading",
        "72",
        "<start>0</start>",
        "<duration>900</duration>",
        "<uom>38</uom>",
        "xmlns=\"\"",
    ];
    let mut bytes = text.to_vec();
    for _ in 0..=random.next(6) {
        let at = random.next(bytes.len() + 1);
        let until = (at + random.next(60)).min(bytes.len());
        match random.next(6) {
            0 if at < bytes.len() => bytes[at] = u8::try_from(random.next(256)).unwrap(),
            1 => drop(bytes.drain(at..until)),
            2 => bytes.truncate(at),
            3 => {
                let copy = bytes[at..until].to_vec();
                let to = random.next(bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            _ => {
                let piece = PIECES[random.next(PIECES.len())];
                bytes.splice(at..at, piece.bytes());
            }
        }
    }
    bytes
}

/// Well-formed still: texts replaced, readings twice or gone.
fn disturbed(text: &str, random: &mut Random) -> Vec<u8> {
    const TEXTS: &[&str] = &[
        "",
        "0",
        "-1",
        "1",
        "900",
        "3600",
        "1767225600",
        "1767229200",
        "1767232800",
        "9223372036854775807",
        "x",
        "0.5",
        "1e5",
        "99999999999999999999999999",
        "8",
        "19",
        "72",
        "&lt;",
        "\u{e9}",
    ];
    const READING: (&str, &str) = ("<IntervalReading>", "</IntervalReading>");
    let mut text = text.to_owned();
    for _ in 0..=random.next(4) {
        let reading = |number: usize| -> Option<(usize, usize)> {
            let (begins, _) = text.match_indices(READING.0).nth(number)?;
            let length = text[begins..].find(READING.1)? + READING.1.len();
            Some((begins, begins + length))
        };
        let chosen = reading(random.next(4));
        match (random.next(4), chosen) {
            (0, Some((begins, ends))) => text.replace_range(begins..ends, ""),
            (1, Some((begins, ends))) => {
                let twice = text[begins..ends].to_owned();
                text.insert_str(ends, &twice);
            }
            _ => {
                let ends: Vec<usize> = text.match_indices("</").map(|(at, _)| at).collect();
                let end = ends[random.next(ends.len())];
                let begins = text[..end].rfind('>').unwrap() + 1;
                text.replace_range(begins..end, TEXTS[random.next(TEXTS.len())]);
            }
        }
    }
    text.into_bytes()
}

/// Seeded. `MUTATIONS` makes more of them: the full size is 10,000.
#[test]
fn no_bytes_make_it_panic() {
    let count: u64 = std::env::var("MUTATIONS").map_or(500, |count| count.parse().unwrap());
    let summary = "<currentBillingPeriodOverAllConsumption><uom>72</uom><value>61</value>\
        </currentBillingPeriodOverAllConsumption>";
    let readings = hours(&["703", "607", "543"])
        .replace("<value>607", "<ReadingQuality><quality>8</quality></ReadingQuality><value>607");
    let texts = [
        one_block(&readings),
        feed(&[block_entry(&readings), type_entry(), meter_entry()]),
        feed(&[
            entry(
                "UsagePoint/7",
                "",
                &espi("UsagePoint", "<ServiceCategory><kind>0</kind></ServiceCategory>"),
            ),
            entry("x", "", &espi("UsageSummary", summary)),
            type_entry().replace("<uom>", "<accumulationBehaviour>3</accumulationBehaviour><uom>"),
            block_entry(&readings),
        ]),
    ];
    let (mut values, mut rejections) = (0, 0);
    for seed in 0..count {
        let mut random = Random(seed);
        let text = &texts[random.next(texts.len())];
        let bytes = match seed % 2 {
            0 => mutated(text.as_bytes(), &mut random),
            _ => disturbed(text, &mut random),
        };
        let found = std::panic::catch_unwind(|| check(&bytes));
        assert!(found.is_ok(), "seed {seed}: {}", String::from_utf8_lossy(&bytes));
        let found = found.unwrap();
        (values, rejections) = (values + found.0, rejections + found.1);
    }
    // What is left of them is read.
    let count = usize::try_from(count).unwrap();
    assert!(values > count / 4 && rejections > count / 10, "{values} values, {rejections} rejections");
}
