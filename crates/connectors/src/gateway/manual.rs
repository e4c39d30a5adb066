//! The gateway that is a person: every charge stays pending until someone settles it.
//!
//! Settling is an action of the payments' use cases, not of this adapter.

use payments::gateway::{
    ChargeOutcome, ChargeRequest, Gateway, IdempotencyKey, LookUp, LookUpRequest, Reference, RefundOutcome,
    RefundRequest,
};

/// Leaves charges and refunds to a person.
#[derive(Debug, Clone, Copy, Default)]
pub struct ManualGateway;

impl Gateway for ManualGateway {
    fn name(&self) -> &str {
        "manual"
    }

    fn charge(&self, request: &ChargeRequest) -> ChargeOutcome {
        ChargeOutcome::Pending { reference: reference(&request.key) }
    }

    fn look_up(&self, request: &LookUpRequest) -> LookUp {
        LookUp::Found(ChargeOutcome::Pending { reference: reference(&request.key) })
    }

    fn refund(&self, request: &RefundRequest) -> RefundOutcome {
        RefundOutcome::Pending { reference: reference(&request.key) }
    }
}

fn reference(key: &IdempotencyKey) -> Reference {
    Reference(format!("manual:{key}"))
}
