# The words of an invoice, in English. Keys must be the same in every language.

# -- headings and labels: no arguments
account-number = Account number
adjustments = Adjustments
amount = Amount
amount-after-due = If paid after the due date
amount-due = Amount due
amount-enclosed = Amount enclosed
average-per-day = Average per day
balance-forward = Balance forward
bill = Utility bill
bill-date = Bill date
bill-number = Bill number
charge = Charge
corrections = Corrections
credit-balance = Credit balance
current-charges = Current charges
current-read = Current reading
days = Days
detach = Detach here and return with your payment
draft = Draft
due-date = Due date
estimated = Estimated
final-bill = Final bill
last-year = a year ago
messages = Messages
meter = Meter
multiplier = Mult.
no-payment-due = No payment due
page = Page
page-of = of
pay-by-phone-scan = Scan to pay
pay-online = Pay online
payments = Payments received, thank you
phone = Phone
previous-balance = Previous balance
previous-read = Previous reading
price = Price
quantity = Quantity
questions = Questions?
rate = Rate
remit-to = Make checks payable and mail to
service-address = Service address
summary = Account summary
tax-total = Taxes and fees included above
this-month = This month
total-current-charges = Total current charges
total-for-service = Total
usage = Usage
usage-history = Usage history

# -- notices
autopay-title = Autopay: do not pay
autopay-text = { $amount } will be drawn on { $date } from { $method }.
credit-text = Your credit will be used for your next bill. Please do not pay.
estimated-text = This bill contains an estimated reading. The next actual reading will settle any difference.
past-due-title = Past due: { $amount }
past-due-text = Unpaid since { $date }. Please pay this part now.
shutoff-text = Unpaid since { $date }. Service may be disconnected on or after { $shutoff }. Please pay now or call us.
plan-title = Payment arrangement
plan-text = Instalment { $number } of { $of }: { $amount }. Remaining afterwards: { $remaining }.
draft-text = This is a draft for review. It is not a bill and must not be paid.
title = { $utility }: bill { $bill }, account { $account }
chart-alt = Usage of { $service } by month: { $list }
chart-alt-item = { $month } { $quantity } { $unit }
qr-alt = QR code: pay this bill online
logo-alt = Logo of { $utility }
period = { $first } – { $last }
days-count = { $days } days
per-day = { $quantity } { $unit } per day

# -- commodities
commodity-electricity = Electricity
commodity-water = Water
commodity-sewer = Sewer
commodity-gas = Natural gas
commodity-refuse = Refuse collection
commodity-stormwater = Stormwater
commodity-other = Other services

# -- units
unit-kwh = kWh
unit-kw = kW
unit-kvarh = kvarh
unit-kva = kVA
unit-gallon = gal
unit-kgal = kgal
unit-ccf = CCF
unit-cubic_foot = ft³
unit-cubic_metre = m³
unit-kilolitre = kL
unit-therm = therms
unit-megajoule = MJ
unit-item = units

# -- qualities of a reading, printed behind its value
quality-actual = actual
quality-estimated = estimated
quality-customer = customer
quality-adjusted = adjusted

# -- sentences of lines: arguments may be missing, so none is required
line-flat = Service charge
line-unit = Usage charge
line-tier = Usage, tier
line-volume = Usage charge
line-time-of-use = Time-of-use charge
line-demand = Demand charge
line-item-count = Items
line-look-up = Base charge
line-winter-average = Winter average charge
line-percentage = Surcharge
line-tax = Tax
line-factor = Adjustment factor
line-minimum = Minimum charge
line-maximum = Maximum charge
line-net-metering = Credit for energy returned
line-discount = Discount
line-rounding = Rounding
line-payment = Payment
line-late-charge = Late charge
line-fee = Fee
line-adjustment = Adjustment
line-correction = Correction of an earlier bill
line-deposit = Deposit
line-transfer = Transfer

# -- the explanation of a bill
explain-bill = Bill { $number }
explain-draft = Draft
explain-reads = Meter readings
explain-estimates = Estimated readings
estimate-later_read = Straight line to a later reading
estimate-last_year = Use of the same period last year
estimate-recent_average = Average of recent use
estimate-class_profile = Usual use of the customer class
explain-worked-out = Quantities worked out
explain-lines = Charges line by line
explain-version = rate version { $version }
explain-unbilled = Not billed: { $why }
explain-previous = Balance of the previous bill
explain-new = New charges
explain-ending = Balance of this bill
step-read = from the readings
step-quantity = quantity
step-share = part of the period
step-threshold = tier ends at
step-tier = in this tier
step-selected = tier
step-packages = packages
step-base = of these lines
step-cap = at most
step-highest = highest so far
step-value = value
step-earned = credit earned
step-applied = credit used
step-closing = carried on
step-amount = exact amount
step-rounded = rounded
step-sum = total
note-residue = the last part takes what the others leave
note-measured = measured on these days
note-by_use = each tier is shared among the times of use by their use
note-in_time_order = the tiers fill in the order of time
note-each_day = every day fills the tiers for itself
note-exempt = exempt by certificate
note-rolled_over = the register went past its highest value
note-default = there is no earlier period: the stated value holds

# -- how tiers are shared among times of use
filling-by_use = shared by use
filling-in_time_order = in the order of time

# -- dates
date = { $month } { $day }, { $year }
date-day-first = { $day } { $month } { $year }
month-1 = Jan
month-2 = Feb
month-3 = Mar
month-4 = Apr
month-5 = May
month-6 = Jun
month-7 = Jul
month-8 = Aug
month-9 = Sep
month-10 = Oct
month-11 = Nov
month-12 = Dec
