# Cómo se escriben las cifras
direction = ltr
decimal-separator = .
group-separator = ,
money = { $sign }{ $number } { $currency }
money-USD = { $sign }${ $number }
money-EUR = { $sign }{ $number } €
money-GBP = { $sign }{ $number } £
date = { $day } de { $month } de { $year }
month-1 = enero
month-2 = febrero
month-3 = marzo
month-4 = abril
month-5 = mayo
month-6 = junio
month-7 = julio
month-8 = agosto
month-9 = septiembre
month-10 = octubre
month-11 = noviembre
month-12 = diciembre

# Común a todos los mensajes
greeting = Hola, { $name }:
questions = ¿Tiene preguntas? Con gusto le ayudamos: { $contact }
closing = Gracias, { $utility }
label-account = Número de cuenta
label-bill = Número de factura
label-billed-on = Fecha de la factura
label-amount-due = Importe a pagar
label-due-on = Fecha de vencimiento
label-draw-on = Pago automático el
label-amount = Importe
label-received-on = Recibido el
label-paid-with = Forma de pago
label-reference = Referencia
label-balance = Saldo después de este pago
label-tried-on = Fecha del intento
see-bill = Ver su factura
pay-bill = Pagar su factura

# La factura está lista
e-bill-subject = Su factura de { $utility } está lista: { $amount }, vence el { $due_on }
e-bill-subject-nothing-due = Su factura de { $utility } está lista: no hay nada que pagar
e-bill-ready = Su factura { $bill } del { $billed_on } está lista.
e-bill-attached = Va adjunta a este mensaje como archivo PDF.
e-bill-pay = Le rogamos que pague { $amount } a más tardar el { $due_on }.
e-bill-nothing-due = No hay nada que pagar.
e-bill-draw = No necesita pagar esta factura usted mismo: se cobrarán { $draw_amount } automáticamente el { $draw_on }.

# Se recibió un pago
receipt-subject = Hemos recibido su pago de { $amount }
receipt-thanks = Hemos recibido su pago de { $amount } el { $received_on }. Gracias.
tender-cash = Efectivo
tender-check = Cheque
tender-card = Tarjeta
tender-bank_debit = Cuenta bancaria
tender-ending = { $tender } terminada en { $ending }

# Falló un pago automático
autopay-failed-subject = Su pago automático a { $utility } no se pudo realizar
autopay-failed-what = Intentamos cobrar { $amount } de la factura { $bill } el { $tried_on }, pero el pago no se pudo realizar.
autopay-failed-retry = Lo intentaremos de nuevo el { $retry_on }. Asegúrese de que su tarjeta o cuenta bancaria esté disponible.
autopay-failed-pay = No lo intentaremos de nuevo. Le rogamos que pague { $amount } de otra forma a más tardar el { $due_on }.
autopay-failed-switched-off = El pago automático se ha desactivado en su cuenta. Le rogamos que pague { $amount } de otra forma a más tardar el { $due_on }; puede activar de nuevo el pago automático cuando quiera.
