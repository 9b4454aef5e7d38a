import type {Client} from 'pg';

/**
 * Statements that remove whatever `pg_dump` would write of a database, in an order in which they can be run: what was made
 * after a backup must not stand beside what comes back, nor hold on to it. Extensions and what belongs to them stay, because
 * making them may take more rights than the site has. What a statement before it has removed already, a statement passes over.
 */
export async function dropEverything(client: Client): Promise<string[]> {
  // So that all names are qualified.
  await client.query('SET search_path = pg_catalog');
  const {rows} = await client.query<{statement: string}>(statements);
  return rows.map(({statement}) => statement);
}

const statements = `
WITH belonging AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
schemas AS (
  SELECT oid, nspname, nspname <> 'public' AND oid NOT IN (SELECT extnamespace FROM pg_extension)
      AND oid NOT IN (SELECT objid FROM belonging WHERE classid = 'pg_namespace'::regclass) AS whole
  FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
found AS (
  SELECT 0 AS rank, nspname AS name, format('DROP SCHEMA %I CASCADE', nspname) AS statement FROM schemas WHERE whole
  UNION ALL
  SELECT kinds.rank, relname, format('DROP %s IF EXISTS %I.%I CASCADE', kinds.word, nspname, relname)
  FROM pg_class JOIN schemas ON schemas.oid = relnamespace AND NOT whole
  JOIN (VALUES ('r', 1, 'TABLE'), ('p', 1, 'TABLE'), ('f', 1, 'FOREIGN TABLE'), ('v', 2, 'VIEW'),
      ('m', 2, 'MATERIALIZED VIEW'), ('S', 3, 'SEQUENCE'), ('c', 5, 'TYPE')) AS kinds (kind, rank, word)
    ON kinds.kind = relkind::text
  WHERE pg_class.oid NOT IN (SELECT objid FROM belonging WHERE classid = 'pg_class'::regclass)
  UNION ALL
  SELECT 4, proname, format('DROP ROUTINE IF EXISTS %s CASCADE', pg_proc.oid::regprocedure)
  FROM pg_proc JOIN schemas ON schemas.oid = pronamespace AND NOT whole
  WHERE pg_proc.oid NOT IN (SELECT objid FROM belonging WHERE classid = 'pg_proc'::regclass)
  UNION ALL
  SELECT 5, typname, format('DROP %s IF EXISTS %I.%I CASCADE', CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, nspname, typname)
  FROM pg_type JOIN schemas ON schemas.oid = typnamespace AND NOT whole
  WHERE typtype IN ('e', 'd', 'r')
    AND pg_type.oid NOT IN (SELECT objid FROM belonging WHERE classid = 'pg_type'::regclass)
  UNION ALL
  SELECT rank, name, format('DROP %s IF EXISTS %I.%I CASCADE', word, nspname, name)
  FROM schemas JOIN (
    SELECT 6 AS rank, 'COLLATION' AS word, oid, collnamespace AS schema, collname AS name FROM pg_collation
    UNION ALL SELECT 7, 'TEXT SEARCH CONFIGURATION', oid, cfgnamespace, cfgname FROM pg_ts_config
    UNION ALL SELECT 8, 'TEXT SEARCH DICTIONARY', oid, dictnamespace, dictname FROM pg_ts_dict) AS others
    ON others.schema = schemas.oid AND NOT whole
  WHERE others.oid NOT IN (SELECT objid FROM belonging)
  UNION ALL
  SELECT 9, oid::text, format('SELECT pg_catalog.lo_unlink(%s)', oid) FROM pg_largeobject_metadata)
SELECT statement FROM found ORDER BY rank, name`;
