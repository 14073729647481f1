/** Rows as CSV, safe to open in a spreadsheet. */

export type Row = Record<string, string | number | boolean | null>;

const COLUMNS_OF_EMPTY = ["account_id"];

export function renderCsv(records: readonly Row[]): string {
  const columns = records[0] ? Object.keys(records[0]) : COLUMNS_OF_EMPTY;
  const lines = [columns, ...records.map((record) => columns.map((column) => renderCell(record[column])))];
  return lines.map((cells) => cells.join(",")).join("\n") + "\n";
}

/** A spreadsheet takes a cell that begins like this for a formula. */
const FORMULA = /^[=+\-@\t\r]/;
const CONTROL = /[\p{Cc}\p{Cf}]/gu;

function renderCell(value: Row[string] | undefined): string {
  if (value === null || value === undefined) return "";
  const text = String(value).replace(CONTROL, " ");
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
