# How figures are written
direction = ltr
decimal-separator = .
group-separator = ,
money = { $sign }{ $number } { $currency }
money-USD = { $sign }${ $number }
money-EUR = { $sign }€{ $number }
money-GBP = { $sign }£{ $number }
date = { $month } { $day }, { $year }
month-1 = January
month-2 = February
month-3 = March
month-4 = April
month-5 = May
month-6 = June
month-7 = July
month-8 = August
month-9 = September
month-10 = October
month-11 = November
month-12 = December

# Common to all messages
greeting = Hello { $name },
questions = Questions? We are glad to help: { $contact }
closing = Thank you, { $utility }
label-account = Account number
label-bill = Bill number
label-billed-on = Bill date
label-amount-due = Amount due
label-due-on = Due date
label-draw-on = Automatic payment on
label-amount = Amount
label-received-on = Received on
label-paid-with = Paid with
label-reference = Reference
label-balance = Balance after this payment
label-tried-on = Tried on
see-bill = See your bill
pay-bill = Pay your bill

# A bill is ready
e-bill-subject = Your { $utility } bill is ready: { $amount } due { $due_on }
e-bill-subject-nothing-due = Your { $utility } bill is ready: no payment is due
e-bill-ready = Your bill { $bill } dated { $billed_on } is ready.
e-bill-attached = It is attached to this message as a PDF file.
e-bill-pay = Please pay { $amount } by { $due_on }.
e-bill-nothing-due = No payment is due.
e-bill-draw = You do not need to pay this bill yourself: { $draw_amount } will be drawn automatically on { $draw_on }.

# A payment was received
receipt-subject = We received your payment of { $amount }
receipt-thanks = We received your payment of { $amount } on { $received_on }. Thank you.
tender-cash = Cash
tender-check = Check
tender-card = Card
tender-bank_debit = Bank account
tender-ending = { $tender } ending in { $ending }

# An automatic payment failed
autopay-failed-subject = Your automatic payment to { $utility } did not go through
autopay-failed-what = We tried to collect { $amount } for bill { $bill } on { $tried_on }, but the payment did not go through.
autopay-failed-retry = We will try again on { $retry_on }. Please make sure that your card or bank account is ready for it.
autopay-failed-pay = We will not try again. Please pay { $amount } by { $due_on } in another way.
autopay-failed-switched-off = Automatic payment has been switched off for your account. Please pay { $amount } by { $due_on } in another way; you can set up automatic payment again at any time.
