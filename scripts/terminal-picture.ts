/** What a program printed on a terminal, as an SVG: a dark window that reads well on any page. */

/** Select Graphic Rendition (ECMA-48 §8.3.117): the parameters that `styleText` writes. */
const BOLD = 1;
const DIM = 2;
const NEITHER_BOLD_NOR_DIM = 22;
const DEFAULT_COLOUR = 39;

/** Foreground colours; each stands out from the background with a contrast of 7 or more. */
const COLOURS: Readonly<Record<number, string>> = {
  31: "#ff9d95",
  32: "#7ee787",
  33: "#e3b341",
  36: "#76e3ea",
};

const BACKGROUND = "#12161d";
const FRAME = "#3d444d";
const TEXT = "#e6edf3";
const DIMMED = "#a3adb9";

const FONT_SIZE = 13;
/** The shape of monospaced fonts; the text is stretched to it, so that columns stay aligned. */
const CELL = FONT_SIZE * 0.6;
const LINE = 20;
const MARGIN = 18;
const TITLE_BAR = 34;

interface Style {
  bold: boolean;
  dim: boolean;
  colour: number | undefined;
}

interface Run extends Style {
  readonly text: string;
  /** Column of its first character. */
  readonly at: number;
}

function applied(style: Style, parameters: string): Style {
  const next = { ...style };
  for (const parameter of parameters.split(";").map(Number)) {
    if (parameter === 0) Object.assign(next, { bold: false, dim: false, colour: undefined });
    else if (parameter === BOLD) next.bold = true;
    else if (parameter === DIM) next.dim = true;
    else if (parameter === NEITHER_BOLD_NOR_DIM) next.bold = next.dim = false;
    else if (parameter === DEFAULT_COLOUR) next.colour = undefined;
    else if (parameter in COLOURS) next.colour = parameter;
    else throw new Error(`A terminal picture has no style ${parameter}`);
  }
  return next;
}

/** The lines of the output, each in runs of one style; styles continue from line to line. */
export function styledRuns(output: string): Run[][] {
  let style: Style = { bold: false, dim: false, colour: undefined };
  return output
    .replaceAll("\r\n", "\n")
    .replace(/\n+$/, "")
    .split("\n")
    .map((line) => {
      const runs: Run[] = [];
      let at = 0;
      // oxlint-disable-next-line no-control-regex -- escape sequences begin with one
      for (const [, parameters, text] of line.matchAll(/\x1b\[([\d;]*)m|([^\x1b]+)/g)) {
        if (text === undefined) {
          style = applied(style, parameters ?? "");
          continue;
        }
        runs.push({ ...style, text, at });
        at += Bun.stringWidth(text);
      }
      return runs;
    });
}

/** Neighbouring blanks would be drawn as one. */
function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll(/ {2,}/g, (blanks) => "\u00a0".repeat(blanks.length));
}

function drawn({ text, at, bold, dim, colour }: Run, line: number): string {
  const blanks = text.length - text.trimStart().length;
  const shown = text.trim();
  if (shown === "") return "";
  const fill = colour === undefined ? (dim ? DIMMED : TEXT) : COLOURS[colour]!;
  const x = (MARGIN + (at + blanks) * CELL).toFixed(1);
  const width = (Bun.stringWidth(shown) * CELL).toFixed(1);
  const weight = bold ? ' font-weight="bold"' : "";
  const y = TITLE_BAR + MARGIN + line * LINE;
  return `<text x="${x}" y="${y}" fill="${fill}" textLength="${width}"${weight}>${escaped(shown)}</text>`;
}

/** Draws terminal output (text and colours; throws at anything else a terminal can do). */
export function terminalPicture(output: string, title: string): string {
  const lines = styledRuns(output);
  const cells = Math.max(...lines.flat().map(({ at, text }) => at + Bun.stringWidth(text)));
  const width = Math.ceil(cells * CELL + 2 * MARGIN);
  const height = TITLE_BAR + (lines.length - 1) * LINE + 2 * MARGIN;
  const dots = ["#ff5f57", "#febc2e", "#28c840"].map(
    (fill, i) => `<circle cx="${20 + i * 18}" cy="17" r="5.5" fill="${fill}"/>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    `<title>${escaped(title)}</title>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="9" fill="${BACKGROUND}" stroke="${FRAME}"/>`,
    ...dots,
    `<text x="${width / 2}" y="21" fill="${DIMMED}" font-family="system-ui, sans-serif" font-size="12" text-anchor="middle">${escaped(title)}</text>`,
    `<g font-family="ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${FONT_SIZE}">`,
    ...lines.flatMap((runs, line) => runs.map((run) => drawn(run, line)).filter(Boolean)),
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}
