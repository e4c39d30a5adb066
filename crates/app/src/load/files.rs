//! The files of a town and their columns.

use super::table::Spec;

pub(super) const SITES: Spec =
    Spec { file: "sites.csv", key: "code", required: &["code", "name"], optional: &[] };

pub(super) const LOCATIONS: Spec = Spec {
    file: "locations.csv",
    key: "code",
    required: &["code", "site", "line1", "city", "region", "postcode", "country"],
    optional: &["line2", "latitude", "longitude"],
};

pub(super) const POINTS: Spec = Spec {
    file: "service_points.csv",
    key: "code",
    required: &["code", "location", "commodity"],
    optional: &["characteristics"],
};

pub(super) const METERS: Spec = Spec {
    file: "meters.csv",
    key: "service_point",
    required: &[
        "serial",
        "service_point",
        "register",
        "unit",
        "kind",
        "multiplier",
        "dials",
        "decimals",
        "installed_on",
    ],
    optional: &["bucket", "quantity_name", "peak", "maker"],
};

pub(super) const ACCOUNTS: Spec = Spec {
    file: "accounts.csv",
    key: "reference",
    required: &["reference", "customer", "delivery", "class", "cycle", "site", "opened_on"],
    optional: &[
        "email",
        "phone",
        "language",
        "addressee",
        "line1",
        "line2",
        "city",
        "region",
        "postcode",
        "country",
    ],
};

pub(super) const CONTRACTS: Spec = Spec {
    file: "contracts.csv",
    key: "account",
    required: &["account", "contract_type", "starts_on"],
    optional: &[
        "rate",
        "service_point",
        "location",
        "ends_on",
        "billed_through_on",
        "items",
        "characteristics",
        "recurring_amount",
        "recurring_label",
        "reference",
        "master",
        "principal",
        "per_bill",
        "annual_percent",
        "payments",
        "principal_gl",
        "budget_level",
        "budget_since_on",
        "budget_review_on",
    ],
};

pub(super) const READS: Spec = Spec {
    file: "reads.csv",
    key: "meter",
    required: &["meter", "register", "read_on", "value"],
    optional: &["quality"],
};

pub(super) const BALANCES: Spec = Spec {
    file: "opening_balances.csv",
    key: "account",
    required: &["account", "due_on", "amount"],
    optional: &["adjustment_type"],
};

pub(super) const AUTOPAY: Spec = Spec {
    file: "autopay.csv",
    key: "account",
    required: &["account", "kind", "gateway", "customer_token", "method_token", "label", "rule"],
    optional: &["days_before", "maximum"],
};
