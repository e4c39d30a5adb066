//! The trade's own words: kinds, roles and states. State machines live with their owners
//! (billing, payments, notifications); the words are shared so that rows, decisions and the
//! API cannot drift apart.

use crate::text::words;

words! {
    /// What is delivered at a service point.
    Commodity {
        /// Electricity.
        Electricity = "electricity",
        /// Drinking water.
        Water = "water",
        /// Waste water.
        Sewer = "sewer",
        /// Natural gas.
        Gas = "gas",
        /// Refuse collection.
        Refuse = "refuse",
        /// Storm-water drainage.
        Stormwater = "stormwater",
        /// Anything else that is billed.
        Other = "other",
    }
    /// Unit of measure of a register or quantity.
    Unit {
        /// Kilowatt-hours.
        Kwh = "kwh",
        /// Kilowatts of demand.
        Kw = "kw",
        /// Kilovolt-ampere reactive hours.
        Kvarh = "kvarh",
        /// Kilovolt-amperes of demand.
        Kva = "kva",
        /// US gallons.
        Gallon = "gallon",
        /// Thousands of US gallons.
        Kgal = "kgal",
        /// Hundreds of cubic feet.
        Ccf = "ccf",
        /// Cubic feet.
        CubicFoot = "cubic_foot",
        /// Cubic metres.
        CubicMetre = "cubic_metre",
        /// Kilolitres.
        Kilolitre = "kilolitre",
        /// Therms.
        Therm = "therm",
        /// Megajoules.
        Megajoule = "megajoule",
        /// Things counted: lamps, dwelling units, ERUs.
        Item = "item",
    }
    /// How often a rate's per-period amounts are meant to be charged.
    Frequency {
        /// Every month.
        Monthly = "monthly",
        /// Every two months.
        Bimonthly = "bimonthly",
        /// Every three months.
        Quarterly = "quarterly",
        /// Every six months.
        Semiannual = "semiannual",
        /// Every year.
        Annual = "annual",
    }
    /// How a register counts.
    RegisterKind {
        /// An odometer: consumption is the difference of two values.
        Subtractive = "subtractive",
        /// Each value is a consumption of its own.
        Consumptive = "consumptive",
        /// It has no dials: its interval data add up to the consumption.
        Interval = "interval",
    }
    /// How good a read is.
    ReadQuality {
        /// Read off the meter.
        Actual = "actual",
        /// Computed.
        Estimated = "estimated",
        /// Told by the customer.
        Customer = "customer",
        /// Set by a correction.
        Adjusted = "adjusted",
    }
    /// Whether a read may be billed.
    ReadStatus {
        /// May be billed.
        Valid = "valid",
        /// Waits for a person.
        Held = "held",
        /// Not to be used.
        Rejected = "rejected",
        /// Replaced by a later read for the same day.
        Superseded = "superseded",
    }
    /// Life of an order to read again.
    RereadState {
        /// Waits for a read.
        Open = "open",
        /// A read came.
        Done = "done",
        /// Taken back.
        Cancelled = "cancelled",
    }
    /// Why billed periods are to be billed again.
    RebillKind {
        /// A read differs from the one that a billed day has.
        CorrectedRead = "corrected_read",
        /// A read came for a billed day that has an estimate, or nothing.
        LateActual = "late_actual",
        /// The read after the billed days lies below an estimate that was billed.
        ActualBelowEstimate = "actual_below_estimate",
    }
    /// Life of a proposal to bill periods again.
    RebillState {
        /// Waits for a person.
        Open = "open",
        /// A person decided for it: the periods are billed again.
        Approved = "approved",
        /// A person decided against it.
        Dismissed = "dismissed",
        /// Its read is gone or was replaced.
        Withdrawn = "withdrawn",
    }
    /// Account life.
    AccountState {
        /// Opened, service not yet started.
        Pending = "pending",
        /// In service.
        Active = "active",
        /// Stopped, final bill due.
        Final = "final",
        /// Settled.
        Closed = "closed",
        /// With collectors.
        Collections = "collections",
        /// Given up.
        WrittenOff = "written_off",
    }
    /// What a person is to an account.
    PersonRole {
        /// The main customer.
        MainCustomer = "main_customer",
        /// Also owes.
        FinanciallyResponsible = "financially_responsible",
        /// Receives a copy of the bill.
        BillCopy = "bill_copy",
    }
    /// How bills reach a customer.
    DeliveryPreference {
        /// By e-mail.
        Email = "email",
        /// On paper.
        Post = "post",
        /// Both.
        Both = "both",
    }
    /// One way of reaching a person.
    Channel {
        /// By e-mail.
        Email = "email",
        /// On paper.
        Postal = "postal",
    }
    /// Contract life.
    ContractState {
        /// Not yet started.
        Pending = "pending",
        /// In service.
        Active = "active",
        /// Ended, final segment due.
        Stopped = "stopped",
        /// Ended and billed.
        Closed = "closed",
        /// Never took effect.
        Cancelled = "cancelled",
    }
    /// How a contract type makes segments.
    SegmentMethod {
        /// Consumption × rate.
        Metered = "metered",
        /// Counts × rate.
        RatedItem = "rated_item",
        /// A flat subscription, open-ended.
        Recurring = "recurring",
        /// One-time or passed-through charges.
        BillableCharge = "billable_charge",
        /// A payment arrangement: an amount per bill until its principal is billed.
        Instalment = "instalment",
        /// Instalments until a required deposit is billed.
        Deposit = "deposit",
        /// Principal and interest in level payments.
        Loan = "loan",
        /// Charges derived from what another contract's segment measured.
        SubContract = "sub_contract",
        /// Never billed: contracts for write-off and holding.
        NotBillable = "not_billable",
    }
    /// How the last charged day of a segment is found.
    EndDateMethod {
        /// The latest valid read in the read window.
        MeterRead = "meter_read",
        /// The window's end.
        CalendarPeriod = "calendar_period",
        /// The day before the anniversary of the contract's start that falls last by the window's end.
        Anniversary = "anniversary",
        /// The window's bill date.
        AsOfDate = "as_of_date",
    }
    /// Bill life.
    BillState {
        /// Being made.
        Pending = "pending",
        /// Posted.
        Complete = "complete",
        /// Given up with all its segments, while it was open again.
        Cancelled = "cancelled",
    }
    /// Why there is a bill.
    BillKind {
        /// The account's bill of a cycle window.
        Regular = "regular",
        /// A bill between two windows.
        OffCycle = "off_cycle",
        /// A document with cancellations only.
        CreditNote = "credit_note",
    }
    /// What is done to a posted bill.
    CorrectionKind {
        /// Segments are reversed, and their days are to be billed.
        Cancel = "cancel",
        /// Segments are reversed and the same days are billed again.
        Rebill = "rebill",
        /// Segments are reversed on a document of their own; their days are not billed again.
        CreditNote = "credit_note",
        /// The bill is open again.
        Reopen = "reopen",
        /// The bill is posted again.
        Complete = "complete",
        /// The open bill is given up with all its segments.
        Discard = "discard",
    }
    /// What became of one bill of many to be corrected.
    BulkItemState {
        /// Waits for its turn.
        Queued = "queued",
        /// Corrected, or looked at.
        Done = "done",
        /// Refused for a reason; nothing of it has changed.
        Refused = "refused",
    }
    /// Segment life.
    SegmentState {
        /// Not yet calculated.
        Incomplete = "incomplete",
        /// Could not be calculated.
        Error = "error",
        /// Calculated, not posted.
        Freezable = "freezable",
        /// Posted.
        Frozen = "frozen",
        /// To be reversed.
        PendingCancel = "pending_cancel",
        /// Reversed.
        Cancelled = "cancelled",
    }
    /// What became of one contract in a test.
    SegmentOutcome {
        /// A segment stands on the draft.
        Billed = "billed",
        /// Too short; the days go into the next segment.
        Deferred = "deferred",
        /// Held by a person.
        Held = "held",
        /// Failed with a code.
        Error = "error",
        /// A contract it depends on failed.
        Blocked = "blocked",
        /// Nothing is due, for a stated reason.
        Skipped = "skipped",
    }
    /// Cycle window life.
    WindowState {
        /// Not yet begun.
        Planned = "planned",
        /// Being billed.
        Open = "open",
        /// Finished by a person.
        Closed = "closed",
    }
    /// Bill run life.
    RunState {
        /// Waits for its time.
        Scheduled = "scheduled",
        /// A test is running.
        Running = "running",
        /// Tested.
        Tested = "tested",
        /// Being accepted.
        Accepting = "accepting",
        /// Accepted.
        Accepted = "accepted",
        /// Invoices are being made.
        Invoicing = "invoicing",
        /// Invoices are made.
        Invoiced = "invoiced",
        /// Finished.
        Closed = "closed",
        /// Stopped by a person, to go on later.
        Paused = "paused",
        /// Given up.
        Cancelled = "cancelled",
        /// Stopped by a fault; can be resumed.
        Failed = "failed",
    }
    /// Life of one account in a bill run.
    ItemState {
        /// Waits for the test.
        Queued = "queued",
        /// A draft stands.
        Drafted = "drafted",
        /// The draft has blocking errors.
        Error = "error",
        /// Nothing to bill yet.
        Deferred = "deferred",
        /// Nothing to bill.
        Skipped = "skipped",
        /// Posted.
        Accepted = "accepted",
        /// Held back by a person.
        Held = "held",
        /// Its inputs changed after the test.
        Stale = "stale",
    }
    /// How loud a flag is.
    Severity {
        /// Good to know.
        Inform = "inform",
        /// To be looked at.
        Warn = "warn",
        /// Stops acceptance until released.
        Block = "block",
    }
    /// What a reviewer decided about a flag.
    Disposition {
        /// Not yet looked at.
        Open = "open",
        /// Fine as it is.
        Released = "released",
        /// The account stays behind.
        Held = "held",
        /// The meter is to be read again.
        RereadOrdered = "reread_ordered",
    }
    /// What a review found.
    FlagCode {
        /// A register has no read in the window.
        NoRead = "no_read",
        /// A register's read is an estimate.
        Estimated = "estimated",
        /// A register has been estimated several times in a row.
        NthEstimate = "nth_estimate",
        /// Nothing was used on an active service.
        ZeroUsage = "zero_usage",
        /// Less than nothing is charged or used.
        Negative = "negative",
        /// Far above the own history.
        HighUsage = "high_usage",
        /// Far below the own history.
        LowUsage = "low_usage",
        /// Above the contract type's maximum.
        OverMaximum = "over_maximum",
        /// The bill asks for nothing.
        ZeroOrCreditBill = "zero_or_credit_bill",
        /// The first bill of the account.
        FirstBill = "first_bill",
        /// A contract ends with this bill.
        FinalBill = "final_bill",
        /// No address to send the bill to.
        MissingAddress = "missing_address",
        /// An active service without a charge.
        NothingBilled = "nothing_billed",
        /// The register went through its highest value.
        Rollover = "rollover",
        /// A read of the charged days, or of those about the window's end, waits for a person.
        ReadHeld = "read_held",
        /// A read of the charged days came with a warning.
        ReadWarned = "read_warned",
        /// Far more or less money than the last time.
        LargeChange = "large_change",
        /// Fewer days than a month's segment has.
        ShortPeriod = "short_period",
        /// More days than a month's segment has.
        LongPeriod = "long_period",
        /// Another rate than the last time.
        RateChanged = "rate_changed",
        /// A charge of the same name and amount stands twice on the bill, or stood on the last one.
        DuplicateCharge = "duplicate_charge",
        /// A service point shows use after its contract ended.
        InactiveUse = "inactive_use",
    }
    /// Why a draft differs from an earlier one.
    ChangeCause {
        /// Another read: its value, quality or date.
        Read = "read",
        /// An estimate came, went or came out otherwise.
        Estimate = "estimate",
        /// Another rate, version of it, or price.
        Rate = "rate",
        /// Other days, counts, characteristics, start or end of the contract.
        Contract = "contract",
        /// It was held, or let go.
        Hold = "hold",
        /// A charge came or went.
        Charge = "charge",
        /// An adjustment came or went.
        Adjustment = "adjustment",
        /// Something else that the draft rests on: what earlier bills measured, an exemption, another
        /// segment.
        Other = "other",
    }
    /// What a financial transaction records.
    FtKind {
        /// A frozen segment.
        Segment = "segment",
        /// The cancellation of a segment.
        SegmentCancel = "segment_cancel",
        /// An adjustment.
        Adjustment = "adjustment",
        /// The cancellation of an adjustment.
        AdjustmentCancel = "adjustment_cancel",
        /// A payment.
        Payment = "payment",
        /// The reversal of a payment.
        PaymentCancel = "payment_cancel",
    }
    /// What an adjustment is for.
    AdjustmentPurpose {
        /// Nothing else hangs on it.
        General = "general",
        /// A charge for paying late.
        LateCharge = "late_charge",
        /// A balance that is given up.
        WriteOff = "write_off",
        /// Money between two accounts.
        Transfer = "transfer",
    }
    /// Adjustment life.
    AdjustmentState {
        /// Posted.
        Posted = "posted",
        /// Reversed.
        Cancelled = "cancelled",
    }
    /// How money came in.
    TenderKind {
        /// Notes and coins.
        Cash = "cash",
        /// A cheque.
        Check = "check",
        /// A card.
        Card = "card",
        /// A bank debit.
        BankDebit = "bank_debit",
    }
    /// Payment life.
    PaymentState {
        /// Posted.
        Posted = "posted",
        /// Reversed.
        Reversed = "reversed",
    }
    /// Who collects from a payment method.
    GatewayKind {
        /// An HTTP gateway that speaks the Stripe-compatible interface.
        Stripe = "stripe",
        /// A person, outside the system.
        Manual = "manual",
    }
    /// Payment method life.
    MethodState {
        /// Usable.
        Active = "active",
        /// Switched off.
        Inactive = "inactive",
    }
    /// When autopay draws.
    DrawRule {
        /// A review delay after acceptance.
        Issuance = "issuance",
        /// On the due date.
        DueDate = "due_date",
        /// A number of days before the due date.
        DaysBefore = "days_before",
    }
    /// Autopay instruction life.
    DrawState {
        /// To be drawn.
        Planned = "planned",
        /// A request is being made.
        Submitting = "submitting",
        /// The gateway has not yet decided.
        Pending = "pending",
        /// Collected.
        Succeeded = "succeeded",
        /// Refused; may be tried again.
        Failed = "failed",
        /// No answer; to be looked up, never charged again.
        Unknown = "unknown",
        /// Nothing left to draw, or withdrawn.
        Cancelled = "cancelled",
    }
    /// Payment run life.
    PaymentRunState {
        /// Chosen, not yet executed.
        Planned = "planned",
        /// Collecting.
        Running = "running",
        /// All decided.
        Finished = "finished",
        /// Given up before execution.
        Cancelled = "cancelled",
    }
    /// Delivery life.
    DeliveryState {
        /// Made.
        Created = "created",
        /// Waits for approval.
        AwaitingApproval = "awaiting_approval",
        /// May go.
        Approved = "approved",
        /// Going.
        Sending = "sending",
        /// Handed over.
        Sent = "sent",
        /// Arrived.
        Delivered = "delivered",
        /// Refused by the other side.
        Bounced = "bounced",
        /// Came back by post.
        Returned = "returned",
        /// Could not be handed over.
        Failed = "failed",
    }
    /// What a message is about.
    MessageKind {
        /// A bill is ready.
        EBill = "e_bill",
        /// A payment was received.
        Receipt = "receipt",
        /// An automatic payment failed.
        AutopayFailed = "autopay_failed",
    }
    /// Long work.
    OperationKind {
        /// Reads from a file.
        ReadingImport = "reading_import",
        /// Undoes an import of reads.
        ReadingImportUndo = "reading_import_undo",
        /// A test of a bill run.
        BillTest = "bill_test",
        /// An acceptance of a bill run's test.
        BillAccept = "bill_accept",
        /// PDFs of accepted bills.
        InvoiceRun = "invoice_run",
        /// Sending approved deliveries.
        DeliverySend = "delivery_send",
        /// Collecting autopay.
        PaymentRun = "payment_run",
        /// Rating what has been billed under other rates.
        WhatIf = "what_if",
        /// Correcting many posted bills.
        BillCorrection = "bill_correction",
    }
    /// How an account would fare under other rates.
    WhatIfOutcome {
        /// It would have paid less.
        Winner = "winner",
        /// It would have paid more.
        Loser = "loser",
        /// It would have paid the same.
        Unchanged = "unchanged",
        /// The other rate cannot price what was billed.
        Error = "error",
    }
    /// Life of an operation or of a chunk of it.
    OperationState {
        /// Waits for a worker.
        Queued = "queued",
        /// Under way.
        Running = "running",
        /// Stopped by a person, to go on later.
        Paused = "paused",
        /// Finished.
        Done = "done",
        /// Stopped by a fault.
        Failed = "failed",
        /// Given up.
        Cancelled = "cancelled",
    }
    /// What a member of staff or a program may do, by post.
    Role {
        /// Reads.
        Viewer = "viewer",
        /// Bills, takes payments.
        Clerk = "clerk",
        /// Accepts, approves, corrects.
        Manager = "manager",
        /// Configures and appoints.
        Admin = "admin",
        /// A program.
        Integration = "integration",
    }
}
impl Frequency {
    /// Months of one period; a divisor of twelve.
    pub const fn months(self) -> u8 {
        match self {
            Self::Monthly => 1,
            Self::Bimonthly => 2,
            Self::Quarterly => 3,
            Self::Semiannual => 6,
            Self::Annual => 12,
        }
    }
}
