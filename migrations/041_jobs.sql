-- Jobs: long work that a caller asks for and pods do, with its progress and the file that it makes.
-- @step quick
CREATE TABLE IF NOT EXISTS jobs (
    id uuid CONSTRAINT jobs_pkey PRIMARY KEY DEFAULT gen_random_uuid(),
    owner text NOT NULL,
    kind text NOT NULL,
    request jsonb NOT NULL DEFAULT '{}',
    request_id text,
    state text NOT NULL DEFAULT 'queued',
    progress_percent smallint NOT NULL DEFAULT 0,
    step text,
    position jsonb NOT NULL DEFAULT '{}',
    parts integer NOT NULL DEFAULT 0,
    result jsonb,
    error text,
    attempts smallint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    progressed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    claimed_until timestamptz,
    CONSTRAINT jobs_state_known CHECK (state IN ('queued', 'processing', 'completed', 'failed', 'cancelled')),
    CONSTRAINT jobs_finished_whole CHECK ((finished_at IS NULL) = (state IN ('queued', 'processing'))),
    CONSTRAINT jobs_percent_range CHECK (progress_percent BETWEEN 0 AND 100)
) WITH (fillfactor = 50);
COMMENT ON TABLE jobs IS 'long work that a caller asked for; deleted seven days after its end';
COMMENT ON COLUMN jobs.owner IS 'the caller, as the audit log names it';
COMMENT ON COLUMN jobs.step IS 'what is being done now, for people';
COMMENT ON COLUMN jobs.position IS 'how far the work has come: a process that takes it over goes on from here';
COMMENT ON COLUMN jobs.parts IS 'how many rows of job_parts it has; written in the same statement as its position';
COMMENT ON COLUMN jobs.attempts IS 'how often it was begun since its position last moved';
COMMENT ON COLUMN jobs.progressed_at IS 'when the process that works on it last reported, or when it was begun';
COMMENT ON COLUMN jobs.claimed_until IS 'until when one process works on it';
CREATE INDEX IF NOT EXISTS jobs_unfinished_idx ON jobs (created_at) WHERE finished_at IS NULL;
CREATE INDEX IF NOT EXISTS jobs_owner_idx ON jobs (owner, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS jobs_finished_idx ON jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS job_parts (
    job_id uuid NOT NULL,
    number integer NOT NULL,
    body text NOT NULL,
    CONSTRAINT job_parts_pkey PRIMARY KEY (job_id, number),
    CONSTRAINT job_parts_job_fkey FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
COMMENT ON TABLE job_parts IS 'the file that a job makes, in parts: one after the other they are the whole file';

-- Nobody but the application reads these.
-- @step quick
ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE job_parts ENABLE ROW LEVEL SECURITY;
