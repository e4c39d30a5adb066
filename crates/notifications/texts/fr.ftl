# Comment s'écrivent les chiffres
direction = ltr
decimal-separator = ,
group-separator = { "\u202F" }
money = { $sign }{ $number }{ "\u00A0" }{ $currency }
money-USD = { $sign }{ $number }{ "\u00A0" }$
money-EUR = { $sign }{ $number }{ "\u00A0" }€
money-GBP = { $sign }{ $number }{ "\u00A0" }£
date =
    { $first ->
        [yes] 1er
       *[no] { $day }
    } { $month } { $year }
month-1 = janvier
month-2 = février
month-3 = mars
month-4 = avril
month-5 = mai
month-6 = juin
month-7 = juillet
month-8 = août
month-9 = septembre
month-10 = octobre
month-11 = novembre
month-12 = décembre

# Commun à tous les messages
greeting = Bonjour { $name },
questions = Des questions ? Nous vous aidons volontiers : { $contact }
closing = Merci, { $utility }
label-account = Numéro de compte
label-bill = Numéro de facture
label-billed-on = Date de la facture
label-amount-due = Montant à payer
label-due-on = Date d'échéance
label-draw-on = Prélèvement automatique le
label-amount = Montant
label-received-on = Reçu le
label-paid-with = Moyen de paiement
label-reference = Référence
label-balance = Solde après ce paiement
label-tried-on = Date de la tentative
see-bill = Voir votre facture
pay-bill = Payer votre facture

# Une facture est prête
e-bill-subject = Votre facture { $utility } est prête : { $amount } à payer au plus tard le { $due_on }
e-bill-subject-nothing-due = Votre facture { $utility } est prête : rien à payer
e-bill-ready = Votre facture { $bill } du { $billed_on } est prête.
e-bill-attached = Elle est jointe à ce message au format PDF.
e-bill-pay = Merci de payer { $amount } au plus tard le { $due_on }.
e-bill-nothing-due = Il n'y a rien à payer.
e-bill-draw = Vous n'avez pas à payer cette facture vous-même : { $draw_amount } seront prélevés automatiquement le { $draw_on }.

# Un paiement a été reçu
receipt-subject = Nous avons reçu votre paiement de { $amount }
receipt-thanks = Nous avons reçu votre paiement de { $amount } le { $received_on }. Merci.
tender-cash = Espèces
tender-check = Chèque
tender-card = Carte
tender-bank_debit = Compte bancaire
tender-ending = { $tender } se terminant par { $ending }

# Un prélèvement automatique a échoué
autopay-failed-subject = Votre prélèvement automatique pour { $utility } n'a pas abouti
autopay-failed-what = Nous avons tenté de prélever { $amount } pour la facture { $bill } le { $tried_on }, mais le paiement n'a pas abouti.
autopay-failed-retry = Nous ferons une nouvelle tentative le { $retry_on }. Vérifiez que votre carte ou votre compte bancaire est disponible.
autopay-failed-pay = Nous ne ferons pas de nouvelle tentative. Merci de payer { $amount } autrement, au plus tard le { $due_on }.
autopay-failed-switched-off = Le prélèvement automatique a été désactivé pour votre compte. Merci de payer { $amount } autrement, au plus tard le { $due_on } ; vous pouvez le réactiver à tout moment.
