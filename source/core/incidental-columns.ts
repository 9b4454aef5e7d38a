/**
 * Columns that change by themselves while a site is used: when somebody was last there, how often a page was seen. They
 * travel like all others, but a row that differs in nothing else counts as unchanged for what refers to it (E20).
 */
const usual =
  /^(last|latest|previous)_?(log_?in|log_?on|seen|visit|visited|access|accessed|activity|active)(_at|_on|_time|_date|_ip)?$|^(log_?ins|log_?in_count|visits?|visit_count|hits?|hit_count|views?|view_count)$/i;

/** @param declared `ignoreForSelection` of agent.json, in place of the usual names */
export function incidentalColumns(
  table: {readonly columns: readonly string[]; readonly primaryKey: readonly string[]},
  declared: readonly string[] | undefined,
): readonly string[] {
  return table.columns.filter(
    column =>
      !table.primaryKey.includes(column) &&
      (declared === undefined ? usual.test(column) : declared.includes(column)),
  );
}
