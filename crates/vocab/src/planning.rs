//! The words of planned work: what is scheduled, the steps of a cycle window, whose a bill message is.

use crate::text::words;

words! {
    /// What a schedule starts.
    ScheduledWork {
        /// Work on a planned window begins.
        OpenWindow = "open_window",
        /// The file of meters to read.
        ExportReadings = "export_readings",
        /// A test of every account that has no bill in the window.
        BillTest = "bill_test",
        /// Acceptance of the tests that schedules have made.
        BillAccept = "bill_accept",
        /// Invoices of the accepted bills.
        Invoices = "invoices",
        /// Sending of approved e-mail.
        Send = "send",
        /// Collection of autopay that is due.
        PaymentRun = "payment_run",
        /// A window in which nothing is left is closed.
        CloseWindow = "close_window",
    }
    /// The day of a window that a schedule counts from.
    WindowDay {
        /// The first day.
        StartsOn = "starts_on",
        /// The last day.
        EndsOn = "ends_on",
        /// The date of the bills.
        BillOn = "bill_on",
    }
    /// What became of a scheduled start.
    StartState {
        /// The work was done or filed.
        Started = "started",
        /// A rule refused it; it is not tried again.
        Refused = "refused",
        /// It came to nothing: the window that it was counted from had been closed before.
        Skipped = "skipped",
    }
    /// The steps of a cycle window, in their order.
    WindowStep {
        /// The meters to read are exported.
        ExportReadings = "export_readings",
        /// Reads are imported.
        ImportReads = "import_reads",
        /// Bills are drafted.
        Test = "test",
        /// Flags are decided.
        Review = "review",
        /// Bills are posted.
        Accept = "accept",
        /// Invoices are rendered.
        GenerateInvoices = "generate_invoices",
        /// E-bills are sent, letters handed over.
        Send = "send",
        /// Autopay is collected.
        PaymentRun = "payment_run",
    }
    /// How far a step is.
    StepState {
        /// Not begun, and not to be begun yet.
        NotStarted = "not_started",
        /// May be taken now.
        Possible = "possible",
        /// Work on it is under way.
        InProgress = "in_progress",
        /// Done for everything there is to do.
        Done = "done",
        /// Begun, and something stands in the way of the rest.
        Blocked = "blocked",
    }
    /// On whose bills a message stands.
    MessageSource {
        /// Everybody's.
        Utility = "utility",
        /// Those of a class of customers.
        CustomerClass = "customer_class",
        /// Those with a segment of a rate.
        RateSchedule = "rate_schedule",
        /// Those of a bill cycle.
        Cycle = "cycle",
        /// Those of one account.
        Account = "account",
        /// That of one account in one window.
        Bill = "bill",
    }
}

impl WindowStep {
    /// 1 to 8.
    pub const fn number(self) -> u8 {
        match self {
            Self::ExportReadings => 1,
            Self::ImportReads => 2,
            Self::Test => 3,
            Self::Review => 4,
            Self::Accept => 5,
            Self::GenerateInvoices => 6,
            Self::Send => 7,
            Self::PaymentRun => 8,
        }
    }
}
