/*
 * The order of search results: pages that help with a task first, then explanations, then the reference, and last the
 * records of API and JSON Schemas, which contain almost every word.
 *
 * A match in a title counts 15, a match in the text 5; the number of a section is added. So each guide that has the
 * words comes before each schema. A page whose whole title was searched, such as "Settings", comes first.
 */
var Scorer = {
  score: ([page, , , , score]) => {
    const [, ofSection] = SECTIONS.find(([beginning]) => page.startsWith(beginning)) || ["", 2];
    return score + ofSection + (score > Scorer.title ? WHOLE_TITLE : 0);
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};

/* Only a page's own title, searched as a whole, scores more than a title: by the 1 that the search adds for it. */
var WHOLE_TITLE = 10;

var SECTIONS = [
  ["guides/", 14],
  ["tutorials/", 13],
  ["explanation/threat-model", 4],
  ["explanation/", 11],
  ["reference/schemas/", 0],
  ["reference/api/", 0],
  ["reference/commands/", 4],
  ["reference/", 6],
  ["changelog", -5],
];
