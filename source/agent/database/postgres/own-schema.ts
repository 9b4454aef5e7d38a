/**
 * The tables that Lockstep keeps in the site's database, in a schema of their own, so that they are never taken for
 * the site's and come back with its backups. The log is written by the site's own transactions.
 */
export const ownSchema = `
CREATE SCHEMA lockstep;
CREATE TABLE lockstep.meta (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE lockstep.log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tab integer NOT NULL, key text[]);
CREATE TABLE lockstep.tab (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, signature text,
  compared boolean NOT NULL DEFAULT false, active boolean NOT NULL DEFAULT false, live bigint NOT NULL DEFAULT 0,
  digest text, vector text, deleted boolean, seq bigint NOT NULL DEFAULT 0);
CREATE TABLE lockstep.version (
  tab integer NOT NULL, key text COLLATE "C" NOT NULL, digest bytea NOT NULL, vector text NOT NULL,
  deleted boolean NOT NULL, seq bigint NOT NULL, PRIMARY KEY (tab, key));
CREATE INDEX version_seq ON lockstep.version (tab, seq);
CREATE TABLE lockstep.run (run text NOT NULL, step text NOT NULL, PRIMARY KEY (run, step));
CREATE FUNCTION lockstep.log_truncate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ BEGIN
  IF current_setting('lockstep.off', true) IS DISTINCT FROM '1' THEN
    INSERT INTO lockstep.log(tab, key) VALUES (TG_ARGV[0]::integer, NULL);
  END IF;
  RETURN NULL;
END $$;
`;

/** Lockstep's number among the database's advisory locks: whoever writes to its tables holds it. */
export const advisoryLock = '7811887340';
