/**
 * How a journal lies in its SQLite file.
 *
 * `frames` holds the facts: up to 256 of one append in a row, as compressed lines of JSON. The key of a frame is the `seq` of
 * its last fact; `n` counts frames without a gap, and `chain` is a checksum over the frame and the chain of the one before.
 * `touches` says in which frames a workflow has facts. `workflows` are the heads. `gaps` stand for runs of frames that a
 * sweep removed, and carry the chain across. `schedules` says where the facts are that each standing schedule is brought back by.
 * `tail` repeats what the last frame must be, how many heads and schedules there must be, and under which owner it was written: a
 * write-ahead log holds the tail of every commit and, after a start, not the row of the owner, so that a log beside a file that it
 * does not belong to is seen. `owner` says also whether its engine let go of the journal in good order. `keys` are the ids of those
 * that secrets in the facts are sealed with.
 */
import type Database from 'better-sqlite3';

/** `GLZT`, in the header of the file. */
export const applicationId = 0x47_4c_5a_54;

/** Migration `i` takes a file from version `i` to `i + 1`; those that were ever released do not change. */
const migrations: readonly string[] = [
  `CREATE TABLE frames (
     seq INTEGER PRIMARY KEY, n INTEGER NOT NULL, first_seq INTEGER NOT NULL, facts INTEGER NOT NULL,
     sum INTEGER NOT NULL, chain INTEGER NOT NULL, live INTEGER NOT NULL, kept_sum INTEGER, body BLOB NOT NULL
   );
   CREATE TABLE touches (workflow INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (workflow, seq)) WITHOUT ROWID;
   CREATE TABLE workflows (
     no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, version_hash TEXT NOT NULL, status TEXT NOT NULL,
     submitted_at INTEGER NOT NULL, ended_at INTEGER, ended_seq INTEGER, facts INTEGER NOT NULL, sum INTEGER NOT NULL
   );
   CREATE INDEX unfinished ON workflows (no) WHERE ended_seq IS NULL;
   CREATE INDEX finished ON workflows (ended_seq) WHERE ended_seq IS NOT NULL;
   CREATE TABLE gaps (
     from_n INTEGER PRIMARY KEY, to_n INTEGER NOT NULL, seq INTEGER NOT NULL, chain INTEGER NOT NULL, sum INTEGER NOT NULL
   );
   CREATE TABLE tail (
     one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL, seq INTEGER NOT NULL, chain INTEGER NOT NULL,
     running INTEGER NOT NULL, ended INTEGER NOT NULL, schedules INTEGER NOT NULL, sum INTEGER NOT NULL
   );
   CREATE TABLE schedules (id TEXT PRIMARY KEY, made_seq INTEGER NOT NULL, last_seq INTEGER, sum INTEGER NOT NULL);
   CREATE TABLE owner (
     one INTEGER PRIMARY KEY CHECK (one = 1), journal TEXT NOT NULL, epoch INTEGER NOT NULL, pid INTEGER, host TEXT, since INTEGER
   );`,
  `ALTER TABLE owner ADD COLUMN open INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE tail ADD COLUMN journal TEXT;
   ALTER TABLE tail ADD COLUMN epoch INTEGER;
   UPDATE tail SET (journal, epoch) = (SELECT journal, epoch FROM owner);`,
  `CREATE INDEX damaged ON workflows (no) WHERE status = 'damaged';`,
  `CREATE TABLE keys (id TEXT PRIMARY KEY) WITHOUT ROWID;`,
];

export const schemaVersion = migrations.length;

export function versionOf(db: Database.Database): number {
  return Number(db.pragma('user_version', { simple: true }));
}

/** Takes a file to the present version, in one transaction. */
export function migrate(db: Database.Database): void {
  const from = versionOf(db);
  if (from === schemaVersion) return;
  db.transaction(() => {
    for (const step of migrations.slice(from)) db.exec(step);
    db.pragma(`user_version = ${schemaVersion}`);
  })();
}
