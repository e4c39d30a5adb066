//! The permission that a route needs, as a type: a handler that takes [`May<P>`] cannot run
//! without it.

use crate::State;
use crate::problem::ApiError;
use crate::request_id;
use access::Permission;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use std::future::{Ready, ready};
use std::marker::PhantomData;
use vocab::{Code, Problem};

/// A permission as a type.
pub(crate) trait Needs: 'static {
    /// Which.
    const PERMISSION: Permission;
}

macro_rules! needs {
    ($($name:ident)*) => {
        /// One type per permission.
        pub(crate) mod need {
            $(
                pub(crate) struct $name;
                impl super::Needs for $name {
                    const PERMISSION: access::Permission = access::Permission::$name;
                }
            )*
        }
    };
}

needs! {
    BillRunsRead BillRunsTest BillRunsReview BillRunsAccept WindowsRead AccountsRead AccountsWrite
    PersonsRead PersonsWrite UsersRead UsersWrite ApiClientsRead ApiClientsWrite AuditRead
    SettingsRead SettingsWrite ClockRead ClockMove OperationsRead OperationsControl BillsRead BillsPreview BillsAccept BillsCorrect
    InvoicesRead InvoicesGenerate DeliveriesRead DeliveriesApprove DeliveriesSend MessagesRead
    ContractsRead ContractsWrite ContractTypesRead ContractTypesWrite RatesRead RatesWrite
    CyclesRead CyclesWrite WindowsWrite AdjustmentsRead AdjustmentsWrite SitesRead SitesWrite
    LocationsRead LocationsWrite ServicePointsRead ServicePointsWrite MetersRead MetersWrite
    ReadsRead ReadsWrite ReadsExport ReadsImport PaymentsRead PaymentsTake PaymentsReverse
    PaymentMethodsRead PaymentMethodsWrite PaymentRunsRead PaymentRunsExecute DashboardRead
    ReportsRead SchedulesRead SchedulesWrite MessagesWrite
}

/// The caller, who has been found to have the permission.
pub(crate) struct May<P> {
    caller: app::Caller,
    permission: PhantomData<P>,
}

impl<P> May<P> {
    /// The caller, to be handed to the use case.
    pub(crate) fn caller(self) -> app::Caller {
        self.caller
    }
}

impl<P: Needs> FromRequest for May<P> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(authenticate(request).and_then(|caller| {
            caller.may(P::PERMISSION)?;
            Ok(Self { caller, permission: PhantomData })
        }))
    }
}

fn authenticate(request: &HttpRequest) -> Result<app::Caller, ApiError> {
    let refused = || ApiError::from(Problem::new(Code::Unauthenticated, Code::Unauthenticated.meaning()));
    let state = request.app_data::<web::Data<State>>().ok_or_else(refused)?;
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(refused)?;
    let principal = state.app.authenticate(token)?;
    Ok(app::Caller { principal, request_id: Some(request_id::current()) })
}
