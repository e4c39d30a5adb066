//! The one table of permissions: the word, what it allows, and the roles that have it.
//!
//! A route names one permission; the documentation and the matrix under `tests/` are printed
//! from this table.

use vocab::Role;

macro_rules! permissions {
    ($($variant:ident $text:literal [$($role:ident)*] $meaning:literal;)*) => {
        /// Something that a principal may be allowed to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum Permission { $(
            #[doc = $meaning]
            #[serde(rename = $text)]
            $variant,
        )* }

        impl Permission {
            /// Every permission, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word: resource, dot, action.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// What it allows, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// The roles that have it.
            pub const fn roles(self) -> &'static [Role] {
                match self { $(Self::$variant => &[$(Role::$role,)*],)* }
            }
        }

        impl std::str::FromStr for Permission {
            type Err = vocab::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(vocab::UnknownWord {
                        found: text.to_owned(),
                        allowed: [$($text,)*].join(", "),
                    }),
                }
            }
        }
    };
}

permissions! {
    // customers
    AccountsRead "accounts.read" [Viewer Clerk Manager Admin Integration] "See accounts, their balances, addresses and notes.";
    AccountsWrite "accounts.write" [Clerk Manager Admin Integration] "Open and change accounts, addresses, holds and notes.";
    PersonsRead "persons.read" [Viewer Clerk Manager Admin Integration] "See customers and third parties.";
    PersonsWrite "persons.write" [Clerk Manager Admin Integration] "Enter and change customers and third parties.";
    ContractsRead "contracts.read" [Viewer Clerk Manager Admin Integration] "See contracts.";
    ContractsWrite "contracts.write" [Clerk Manager Admin Integration] "Start, change and stop contracts and enter their charges.";
    ContractTypesRead "contract_types.read" [Viewer Clerk Manager Admin Integration] "See contract types.";
    ContractTypesWrite "contract_types.write" [Manager Admin] "Define how contracts of a kind bill.";

    // places and devices
    SitesRead "sites.read" [Viewer Clerk Manager Admin Integration] "See sites.";
    SitesWrite "sites.write" [Manager Admin Integration] "Define sites.";
    LocationsRead "locations.read" [Viewer Clerk Manager Admin Integration] "See service locations.";
    LocationsWrite "locations.write" [Clerk Manager Admin Integration] "Enter and change service locations.";
    ServicePointsRead "service_points.read" [Viewer Clerk Manager Admin Integration] "See service points.";
    ServicePointsWrite "service_points.write" [Clerk Manager Admin Integration] "Enter and change service points.";
    MetersRead "meters.read" [Viewer Clerk Manager Admin Integration] "See meters, registers and installations.";
    MetersWrite "meters.write" [Clerk Manager Admin Integration] "Enter, install, exchange and remove meters.";

    // reads
    ReadsRead "reads.read" [Viewer Clerk Manager Admin Integration] "See reads and interval data.";
    ReadsWrite "reads.write" [Clerk Manager Admin Integration] "Enter, reject and correct single reads.";
    ReadsExport "reads.export" [Clerk Manager Admin Integration] "Export the meters to read.";
    ReadsImport "reads.import" [Clerk Manager Admin Integration] "Import files of reads.";

    // tariffs
    RatesRead "rates.read" [Viewer Clerk Manager Admin Integration] "See rates, factors and calendars; price a what-if.";
    RatesWrite "rates.write" [Manager Admin] "Define rates, factors and calendars.";

    // the billing cycle
    CyclesRead "cycles.read" [Viewer Clerk Manager Admin Integration] "See bill cycles.";
    CyclesWrite "cycles.write" [Manager Admin] "Define bill cycles.";
    WindowsRead "windows.read" [Viewer Clerk Manager Admin Integration] "See cycle windows and their steps.";
    WindowsWrite "windows.write" [Manager Admin] "Plan, open and close cycle windows.";
    SchedulesRead "schedules.read" [Viewer Clerk Manager Admin Integration] "See schedules and what they started.";
    SchedulesWrite "schedules.write" [Clerk Manager Admin] "Schedule work that one may do by hand.";
    BillRunsRead "bill_runs.read" [Viewer Clerk Manager Admin Integration] "See bill runs, drafts, flags and registers.";
    BillRunsTest "bill_runs.test" [Clerk Manager Admin] "Start bill runs and test them; pause, resume and cancel them.";
    BillRunsReview "bill_runs.review" [Clerk Manager Admin] "Assign, release and hold flags and accounts.";
    BillRunsAccept "bill_runs.accept" [Manager Admin] "Accept a test: bills are posted.";

    // bills and what follows
    BillsRead "bills.read" [Viewer Clerk Manager Admin Integration] "See bills and how they were calculated.";
    BillsPreview "bills.preview" [Clerk Manager Admin Integration] "Draft one account's bill without posting it.";
    BillsAccept "bills.accept" [Manager Admin] "Complete one account's bill.";
    BillsCorrect "bills.correct" [Manager Admin] "Reopen, cancel and rebill posted bills.";
    AdjustmentsRead "adjustments.read" [Viewer Clerk Manager Admin Integration] "See adjustments and their types.";
    AdjustmentsWrite "adjustments.write" [Manager Admin] "Post and cancel adjustments and define their types.";
    InvoicesRead "invoices.read" [Viewer Clerk Manager Admin Integration] "See and download invoices.";
    InvoicesGenerate "invoices.generate" [Clerk Manager Admin] "Render the invoices of accepted bills.";
    DeliveriesRead "deliveries.read" [Viewer Clerk Manager Admin Integration] "See deliveries and what became of them.";
    DeliveriesApprove "deliveries.approve" [Manager Admin] "Approve deliveries for sending.";
    DeliveriesSend "deliveries.send" [Clerk Manager Admin] "Send and resend approved deliveries.";

    // money in
    PaymentsRead "payments.read" [Viewer Clerk Manager Admin Integration] "See tenders, payments and suspense.";
    PaymentsTake "payments.take" [Clerk Manager Admin Integration] "Take payments.";
    PaymentsReverse "payments.reverse" [Manager Admin] "Reverse payments.";
    PaymentMethodsRead "payment_methods.read" [Viewer Clerk Manager Admin Integration] "See stored ways to pay, masked.";
    PaymentMethodsWrite "payment_methods.write" [Clerk Manager Admin Integration] "Store and switch off ways to pay; enrol in autopay.";
    PaymentRunsRead "payment_runs.read" [Viewer Clerk Manager Admin Integration] "See payment runs and their draws.";
    PaymentRunsExecute "payment_runs.execute" [Manager Admin] "Plan and execute payment runs: money is collected.";

    // words and figures
    MessagesRead "messages.read" [Viewer Clerk Manager Admin Integration] "See messages and their templates.";
    MessagesWrite "messages.write" [Clerk Manager Admin] "Write messages to customers.";
    ReportsRead "reports.read" [Viewer Clerk Manager Admin] "See reports and export them.";
    DashboardRead "dashboard.read" [Viewer Clerk Manager Admin] "See the dashboard.";

    // the house itself
    UsersRead "users.read" [Manager Admin] "See members of staff, their roles and sites.";
    UsersWrite "users.write" [Admin] "Appoint members of staff; set their roles and sites.";
    ApiClientsRead "api_clients.read" [Admin] "See programs that have credentials.";
    ApiClientsWrite "api_clients.write" [Admin] "Give programs credentials and withdraw them.";
    AuditRead "audit.read" [Manager Admin] "See the audit log.";
    SettingsRead "settings.read" [Viewer Clerk Manager Admin Integration] "See the utility's settings.";
    SettingsWrite "settings.write" [Admin] "Change the utility's settings.";
    ClockRead "clock.read" [Viewer Clerk Manager Admin Integration] "See business time.";
    ClockMove "clock.move" [Admin] "Move business time in a sandbox.";
    OperationsRead "operations.read" [Viewer Clerk Manager Admin Integration] "See long work and its progress.";
    OperationsControl "operations.control" [Clerk Manager Admin Integration] "Pause, resume and cancel long work.";
}

impl Permission {
    /// Whether this role has it.
    pub fn is_held_by(self, role: Role) -> bool {
        self.roles().contains(&role)
    }

    /// Everything that this role has, in the order of the table.
    pub fn of(role: Role) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |permission| permission.is_held_by(role))
    }
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
