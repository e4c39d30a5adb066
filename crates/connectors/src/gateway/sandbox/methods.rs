//! What the payment methods of the sandbox do.

/// Why a charge fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    pub code: &'static str,
    pub decline_code: Option<&'static str>,
    pub message: &'static str,
}

/// What a charge does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behaviour {
    Succeed,
    Fail(Failure),
    /// Pending, then this.
    Debit(Option<Failure>),
    /// Charge, then this instead of a proper answer.
    Charge(Fault),
    /// Neither charge nor answer.
    Lose,
}

/// What happens to the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not sent, and the connection ends.
    Reset,
    /// Half of it is sent, and the connection ends.
    Cut,
    /// It is not sent, and the connection stays.
    Hang,
    /// A 500 is sent instead.
    ServerError,
}

/// `None` for a payment method that the sandbox does not have.
pub(super) fn behaviour(method: &str) -> Option<Behaviour> {
    let declined = |decline_code| {
        Some(Behaviour::Fail(Failure {
            code: "card_declined",
            decline_code: Some(decline_code),
            message: "Your card was declined.",
        }))
    };
    let failed = |code, message| Some(Behaviour::Fail(Failure { code, decline_code: None, message }));
    let debit = |code, message| Some(Behaviour::Debit(Some(Failure { code, decline_code: None, message })));
    match method {
        "pm_card_visa" | "pm_card_mastercard" | "pm_card_amex" | "pm_card_discover" => {
            Some(Behaviour::Succeed)
        }
        "pm_card_chargeDeclined" | "pm_card_visa_chargeDeclined" | "pm_card_chargeCustomerFail" => {
            declined("generic_decline")
        }
        "pm_card_chargeDeclinedInsufficientFunds" | "pm_card_visa_chargeDeclinedInsufficientFunds" => {
            declined("insufficient_funds")
        }
        "pm_card_chargeDeclinedLostCard" | "pm_card_visa_chargeDeclinedLostCard" => declined("lost_card"),
        "pm_card_chargeDeclinedStolenCard" | "pm_card_visa_chargeDeclinedStolenCard" => {
            declined("stolen_card")
        }
        "pm_card_chargeDeclinedExpiredCard" => failed("expired_card", "Your card has expired."),
        "pm_card_chargeDeclinedProcessingError" => {
            failed("processing_error", "An error occurred while processing your card.")
        }
        "pm_card_authenticationRequired" => {
            failed("authentication_required", "The customer must confirm this payment.")
        }
        "pm_usBankAccount_success" => Some(Behaviour::Debit(None)),
        "pm_usBankAccount_insufficientFunds" => {
            debit("insufficient_funds", "The account has too little money.")
        }
        "pm_usBankAccount_accountClosed" => debit("account_closed", "The account is closed."),
        "pm_usBankAccount_noAccount" => debit("no_account", "There is no such account."),
        "pm_usBankAccount_debitNotAuthorized" => {
            debit("debit_not_authorized", "The customer did not authorize this debit.")
        }
        "pm_sandbox_reset" => Some(Behaviour::Charge(Fault::Reset)),
        "pm_sandbox_cut" => Some(Behaviour::Charge(Fault::Cut)),
        "pm_sandbox_hang" => Some(Behaviour::Charge(Fault::Hang)),
        "pm_sandbox_500" => Some(Behaviour::Charge(Fault::ServerError)),
        "pm_sandbox_lost" => Some(Behaviour::Lose),
        _ => None,
    }
}
