-- The tables of a hospital as they stand in PostgreSQL, or in a file of SQLite: the same text makes both.

CREATE TABLE patients (
  id BIGINT PRIMARY KEY,
  mrn VARCHAR(20) NOT NULL UNIQUE, -- the number on the card
  national_id VARCHAR(20),
  given_name TEXT NOT NULL,
  family_name TEXT,
  gender CHAR(1), -- M, F, O
  birth_date DATE,
  died_at TIMESTAMPTZ,
  phone VARCHAR(30),
  address TEXT,
  district TEXT,
  state TEXT,
  postal_code VARCHAR(10),
  guardian_name TEXT,
  guardian_phone VARCHAR(30),
  active BOOLEAN NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  deleted BOOLEAN NOT NULL
);

-- One row is an encounter, an observation, a prescription or a document. All but encounters name theirs.
CREATE TABLE medical_records (
  id BIGINT PRIMARY KEY,
  patient_id BIGINT NOT NULL REFERENCES patients (id),
  encounter_id BIGINT REFERENCES medical_records (id),
  record_type VARCHAR(20) NOT NULL,
  status VARCHAR(20) NOT NULL,
  code VARCHAR(20), -- outpatient, inpatient or emergency; LOINC; ATC; LOINC
  description TEXT,
  value_number DOUBLE PRECISION,
  value_unit VARCHAR(20), -- UCUM
  value_text TEXT,
  dosage TEXT,
  content TEXT, -- of a document
  started_at TIMESTAMPTZ NOT NULL,
  ended_at TIMESTAMPTZ,
  practitioner_id VARCHAR(20) NOT NULL,
  practitioner_name TEXT,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  deleted BOOLEAN NOT NULL
);
CREATE INDEX medical_records_patient ON medical_records (patient_id);

CREATE TABLE medical_history (
  id BIGINT PRIMARY KEY,
  patient_id BIGINT NOT NULL REFERENCES patients (id),
  icd10 VARCHAR(10) NOT NULL,
  description TEXT NOT NULL,
  clinical_status VARCHAR(20) NOT NULL, -- active, inactive, remission, resolved
  verification VARCHAR(20) NOT NULL, -- confirmed, provisional
  severity VARCHAR(20), -- mild, moderate, severe
  onset_date DATE,
  resolved_date DATE,
  notes TEXT,
  recorded_by VARCHAR(20) NOT NULL,
  recorded_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  deleted BOOLEAN NOT NULL
);

CREATE TABLE consents (
  id BIGINT PRIMARY KEY,
  patient_id BIGINT NOT NULL REFERENCES patients (id),
  scope VARCHAR(20) NOT NULL, -- privacy, research, treatment
  status VARCHAR(20) NOT NULL, -- active, rejected, withdrawn, expired
  decision VARCHAR(10) NOT NULL, -- permit, deny
  purpose VARCHAR(20), -- treatment, research, payment, public health
  policy TEXT NOT NULL,
  given_at TIMESTAMPTZ NOT NULL,
  valid_from DATE,
  valid_until DATE,
  updated_at TIMESTAMPTZ NOT NULL,
  deleted BOOLEAN NOT NULL
);
