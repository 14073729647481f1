/** The trend as a picture: known root logins with the unknown ones on top, so that neither hides the other. */
import { useId, useRef } from "react";
import type { TrendDay } from "../api/records";
import { useWidth } from "../components/width";
import { Swatch } from "./Bar";
import "./overview.css";
import { DAY_MILLISECONDS, listLevels, listSteps, renderDay, startOf, type Step } from "./trend";

const AREA_PIXELS = 150;
const LANE_PIXELS = 22;
const AXIS_PIXELS = 24;
const TICK_PIXELS = 90;
const RIGHT_PIXELS = 8;

interface TrendPictureProps {
  /** From the first day with data to today; at least one. */
  days: readonly TrendDay[];
  left: { known: number; unknown: number };
}

export function TrendPicture({ days, left }: TrendPictureProps) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const hasMarks = { deletions: days.some((one) => one.deletions > 0), windows: days.some((one) => one.windows_opened > 0) };
  return (
    <div className="trend" ref={frame}>
      {width > 0 && <Picture days={days} left={left} width={width} />}
      <ul className="legend" aria-label="Legend of the trend">
        <li>
          <Swatch tone="present" />
          Known
        </li>
        <li>
          <Swatch tone="unknown" />
          Unknown
        </li>
        {hasMarks.deletions && (
          <li>
            <svg width={14} height={14} aria-hidden="true">
              <DeletionMark x={7} y={7} />
            </svg>
            Deletion
          </li>
        )}
        {hasMarks.windows && (
          <li>
            <svg width={14} height={14} aria-hidden="true">
              <WindowMark x={7} y={7} />
            </svg>
            Recovery window opened
          </li>
        )}
      </ul>
    </div>
  );
}

function Picture({ days, left, width }: TrendPictureProps & { width: number }) {
  const hatch = useId();
  const { known, unknown } = left;
  const steps = listSteps(days, { known, unknown });
  const levels = listLevels(Math.max(...steps.map((step) => step.known + step.unknown)));
  const most = levels.at(-1) ?? 1;
  const margin = 12 + 8 * String(most.toLocaleString()).length;
  const first = days[0] ? startOf(days[0]) : 0;
  const end = steps.at(-1)?.end ?? first + DAY_MILLISECONDS;
  const x = (at: number) => margin + ((at - first) / (end - first)) * (width - margin - RIGHT_PIXELS);
  const y = (count: number) => LANE_PIXELS + AREA_PIXELS * (1 - count / most);
  const bottom = LANE_PIXELS + AREA_PIXELS;
  const middle = (day: TrendDay) => x(startOf(day) + DAY_MILLISECONDS / 2);
  return (
    <svg width={width} height={bottom + AXIS_PIXELS} role="img" aria-label={describe(days, steps)}>
      <pattern id={hatch} width={6} height={6} patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect className="trend__ground" width={6} height={6} />
        <rect className="trend__hatch" width={3} height={6} />
      </pattern>
      {levels.map((level) => (
        <g key={level}>
          <line className="trend__line" x1={margin} x2={width - RIGHT_PIXELS} y1={y(level)} y2={y(level)} />
          <text className="trend__text" x={margin - 8} y={y(level) + 4} textAnchor="end">
            {level.toLocaleString()}
          </text>
        </g>
      ))}
      {steps.map((step) => (
        <g key={step.start} shapeRendering="crispEdges">
          <title>{step.text}</title>
          <rect className="trend__known" x={x(step.start)} width={x(step.end) - x(step.start)} y={y(step.known)} height={bottom - y(step.known)} />
          <rect
            fill={`url(#${hatch})`}
            x={x(step.start)}
            width={x(step.end) - x(step.start)}
            y={y(step.known + step.unknown)}
            height={y(step.known) - y(step.known + step.unknown)}
          />
        </g>
      ))}
      {days.map((day) => (
        <Marks key={day.day} day={day} x={middle(day)} bottom={bottom} />
      ))}
      {listTicks(first, end, Math.max(2, Math.floor((width - margin) / TICK_PIXELS))).map((tick) => (
        <text key={tick.at} className="trend__text" x={x(tick.at)} y={bottom + 18} textAnchor={tick.anchor}>
          {tick.text}
        </text>
      ))}
    </svg>
  );
}

/** What happened on a day, above the area, with a line down to it. */
function Marks({ day, x, bottom }: { day: TrendDay; x: number; bottom: number }) {
  const isBoth = day.deletions > 0 && day.windows_opened > 0;
  if (day.deletions === 0 && day.windows_opened === 0) return null;
  return (
    <g>
      <line className="trend__guide" x1={x} x2={x} y1={LANE_PIXELS - 4} y2={bottom} />
      {day.deletions > 0 && (
        <g>
          <title>{`${renderDay(startOf(day))}: ${day.deletions} ${day.deletions === 1 ? "deletion" : "deletions"}`}</title>
          <DeletionMark x={isBoth ? x - 7 : x} y={LANE_PIXELS / 2} />
        </g>
      )}
      {day.windows_opened > 0 && (
        <g>
          <title>{`${renderDay(startOf(day))}: ${day.windows_opened} recovery ${day.windows_opened === 1 ? "window" : "windows"} opened`}</title>
          <WindowMark x={isBoth ? x + 7 : x} y={LANE_PIXELS / 2} />
        </g>
      )}
    </g>
  );
}

function DeletionMark({ x, y }: { x: number; y: number }) {
  return <path className="trend__deletion" d={`M${x - 6} ${y - 5}h12l-6 10z`} />;
}

function WindowMark({ x, y }: { x: number; y: number }) {
  return <circle className="trend__window" cx={x} cy={y} r={5} />;
}

function listTicks(first: number, end: number, count: number) {
  const days = Math.round((end - first) / DAY_MILLISECONDS);
  const every = Math.max(1, Math.ceil(days / count));
  const between = Array.from({ length: Math.ceil(days / every) }, (_, place) => first + place * every * DAY_MILLISECONDS)
    .filter((at) => at === first || end - at >= every * DAY_MILLISECONDS * 0.8)
    .map((at) => ({ at, text: renderDay(at), anchor: at === first ? ("start" as const) : ("middle" as const) }));
  return [...between, { at: end, text: "Now", anchor: "end" as const }];
}

function describe(days: readonly TrendDay[], steps: readonly Step[]): string {
  const total = (read: (day: TrendDay) => number) => days.reduce((sum, day) => sum + read(day), 0);
  const [before, after] = [steps[0]?.text, steps.at(-1)?.text];
  const marks = `Deletions: ${total((day) => day.deletions)}. Recovery windows opened: ${total((day) => day.windows_opened)}.`;
  return `Trend of root logins left to secure. ${before === after ? "" : `${before}. `}${after}. ${marks}`;
}
