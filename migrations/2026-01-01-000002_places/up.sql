CREATE TABLE sites (
    id bigint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    version bigint NOT NULL
);
SELECT app_reference('sites');

CREATE TABLE service_locations (
    id bigint PRIMARY KEY,
    site_id bigint NOT NULL,
    line1 text NOT NULL,
    line2 text,
    city text NOT NULL,
    region text NOT NULL,
    postcode text NOT NULL,
    country text NOT NULL,
    latitude numeric(9, 6) CHECK (latitude BETWEEN -90 AND 90),
    longitude numeric(9, 6) CHECK (longitude BETWEEN -180 AND 180),
    version bigint NOT NULL
);
SELECT app_reference('service_locations');
ALTER TABLE service_locations ADD FOREIGN KEY (site_id) REFERENCES sites (id);
CREATE INDEX service_locations_site ON service_locations (site_id, id);

CREATE TABLE service_points (
    service_point_id bigint PRIMARY KEY,
    code text NOT NULL,
    location_id bigint NOT NULL,
    commodity text NOT NULL CHECK (commodity IN ('electricity', 'water', 'sewer', 'gas', 'refuse', 'stormwater', 'other')),
    characteristics jsonb NOT NULL,
    version bigint NOT NULL
);
SELECT app_distribute_by('service_points', 'service_point_id');
ALTER TABLE service_points ADD FOREIGN KEY (location_id) REFERENCES service_locations (id);
CREATE INDEX service_points_location ON service_points (location_id);

-- Directory: the utility's own code of a service point → its id (unique over the whole database).
CREATE TABLE service_point_codes (
    code text PRIMARY KEY,
    service_point_id bigint NOT NULL
);
SELECT app_distribute_by('service_point_codes', 'code');

CREATE TABLE meters (
    id bigint PRIMARY KEY,
    serial text NOT NULL UNIQUE,
    maker text,
    version bigint NOT NULL
);
SELECT app_reference('meters');

-- A meter's time at a service point; removed_on is its last day there.
CREATE TABLE meter_installs (
    service_point_id bigint NOT NULL,
    id bigint NOT NULL,
    meter_id bigint NOT NULL,
    installed_on date NOT NULL,
    removed_on date,
    PRIMARY KEY (service_point_id, id),
    CHECK (removed_on IS NULL OR removed_on >= installed_on)
);
SELECT app_distribute_by('meter_installs', 'service_point_id');
ALTER TABLE meter_installs ADD FOREIGN KEY (service_point_id) REFERENCES service_points (service_point_id);
ALTER TABLE meter_installs ADD FOREIGN KEY (meter_id) REFERENCES meters (id);
CREATE INDEX meter_installs_meter ON meter_installs (meter_id);

CREATE TABLE registers (
    service_point_id bigint NOT NULL,
    id bigint NOT NULL,
    install_id bigint NOT NULL,
    code text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('subtractive', 'consumptive')),
    unit text NOT NULL,
    bucket text,
    multiplier numeric(28, 10) NOT NULL CHECK (multiplier > 0),
    dials smallint NOT NULL CHECK (dials BETWEEN 1 AND 12),
    decimals smallint NOT NULL CHECK (decimals BETWEEN 0 AND 6),
    peak boolean NOT NULL,
    PRIMARY KEY (service_point_id, id),
    UNIQUE (service_point_id, install_id, code)
);
SELECT app_distribute_by('registers', 'service_point_id');
ALTER TABLE registers ADD FOREIGN KEY (service_point_id, install_id) REFERENCES meter_installs (service_point_id, id);

CREATE TABLE reads (
    service_point_id bigint NOT NULL,
    id bigint NOT NULL,
    register_id bigint NOT NULL,
    read_at timestamptz NOT NULL,
    read_on date NOT NULL,
    value numeric(28, 10) NOT NULL,
    quality text NOT NULL CHECK (quality IN ('actual', 'estimated', 'customer', 'adjusted')),
    status text NOT NULL CHECK (status IN ('valid', 'held', 'rejected', 'superseded')),
    source text NOT NULL,
    import_id bigint,
    reason text,
    PRIMARY KEY (service_point_id, id)
);
SELECT app_distribute_by('reads', 'service_point_id');
CREATE UNIQUE INDEX reads_valid ON reads (service_point_id, register_id, read_on) WHERE status = 'valid';
CREATE INDEX reads_import ON reads (import_id) WHERE import_id IS NOT NULL;

CREATE TABLE reading_exports (
    id bigint PRIMARY KEY,
    window_id bigint NOT NULL,
    site_ids bigint[] NOT NULL,
    rows bigint NOT NULL,
    sha256 bytea NOT NULL,
    file_name text NOT NULL,
    document_key text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX reading_exports_window ON reading_exports (window_id, id);

CREATE TABLE reading_imports (
    id bigint PRIMARY KEY,
    window_id bigint,
    operation_id bigint NOT NULL,
    file_name text NOT NULL,
    sha256 bytea NOT NULL,
    bytes bigint NOT NULL,
    mapping jsonb NOT NULL,
    document_key text NOT NULL,
    repeats_id bigint,
    report jsonb,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX reading_imports_sha256 ON reading_imports (sha256);
CREATE INDEX reading_imports_window ON reading_imports (window_id, id);

CREATE TABLE reading_import_rejections (
    import_id bigint NOT NULL REFERENCES reading_imports (id),
    line bigint NOT NULL,
    code text NOT NULL,
    detail text NOT NULL,
    raw text NOT NULL,
    PRIMARY KEY (import_id, line)
);

-- What each chunk of an import did, until the import's report is drawn up from them.
CREATE TABLE reading_import_parts (
    import_id bigint NOT NULL REFERENCES reading_imports (id),
    first_line bigint NOT NULL,
    report jsonb NOT NULL,
    PRIMARY KEY (import_id, first_line)
);
