/** Rows as CSV, safe to open in a spreadsheet. */

export type Row = Record<string, string | number | boolean | null>;

const COLUMNS_OF_EMPTY = ["account_id"];

export function renderCsv(records: readonly Row[]): string {
  const columns = records[0] ? Object.keys(records[0]) : COLUMNS_OF_EMPTY;
  const lines = [columns, ...records.map((record) => columns.map((column) => renderCell(record[column])))];
  return lines.map((cells) => cells.join(",")).join("\n") + "\n";
}

/** Where a cell could begin with a formula, as in the server's csv_cell: many spreadsheets also begin a cell at a semicolon. */
const BEFORE_FORMULA = /(?:^|;|^[\s,|"]*[,|])(?=[\s"]*[=+\-@\uff1d\uff0b\uff0d\uff20])/g;
const CONTROL = /[\p{Cc}\p{Cf}]/gu;

function renderCell(value: Row[string] | undefined): string {
  if (value === null || value === undefined) return "";
  const text = String(value).replace(CONTROL, " ");
  const safe = text.replace(BEFORE_FORMULA, "$&'");
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
