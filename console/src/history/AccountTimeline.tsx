/** The history of one account as one picture: audits, deletions, recovery windows and root events on one time axis. */
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useId, useMemo, useRef, useState } from "react";
import { useObservable } from "../api/observable";
import type { AccountHistory, PastEntry } from "../api/records";
import { useWidth } from "../components/width";
import { renderLocal, renderUtc } from "../times/format";
import { isUtc, Timestamp, useNow } from "../times/Timestamp";
import "./history.css";
import { arrangeLanes, type Domain, findDomain, type Lane, listTicks, type Mark, RANGES, type Span, type Tone } from "./timeline";

const REFRESH_MILLISECONDS = 30_000;
/** Below it, the title of a lane is above the lane. */
const WIDE_PIXELS = 640;
const TITLE_PIXELS = 150;
const LANE_PIXELS = 32;
const BAR_PIXELS = 16;
const AXIS_PIXELS = 28;
const TICK_PIXELS = 88;
const SMALLEST_PIXELS = 5;

export function AccountTimeline({ history }: { history: AccountHistory }) {
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const now = useNow(REFRESH_MILLISECONDS);
  const [range, setRange] = useState<string>("all");
  const lanes = useMemo(() => arrangeLanes(history, now), [history, now]);
  const length = RANGES.find((one) => one.id === range)?.length ?? Infinity;
  const domain = findDomain(lanes, now, length);
  if (history.entries.length === 0) return null;
  return (
    <SpaceBetween size="xs">
      <SegmentedControl
        label="Time range"
        selectedId={range}
        onChange={({ detail }) => setRange(detail.selectedId)}
        options={RANGES.map(({ id, text }) => ({ id, text }))}
      />
      <div ref={frame} className="timeline">
        {width > 0 && <Picture lanes={lanes} domain={domain} width={width} />}
        <Legend lanes={lanes} />
        <div>
          From <Timestamp at={toText(domain.start)} /> to <Timestamp at={toText(domain.end)} />. The table below has the same entries.
        </div>
      </div>
    </SpaceBetween>
  );
}

function toText(at: number): string {
  return new Date(at).toISOString();
}

function Picture({ lanes, domain, width }: { lanes: readonly Lane[]; domain: Domain; width: number }) {
  const inUtc = useObservable(isUtc);
  const clip = useId();
  const isWide = width >= WIDE_PIXELS;
  const left = isWide ? TITLE_PIXELS : 0;
  const laneHeight = isWide ? LANE_PIXELS : LANE_PIXELS + 20;
  const bottom = lanes.length * laneHeight;
  const place = (at: number) => left + ((at - domain.start) / (domain.end - domain.start)) * (width - left - SMALLEST_PIXELS);
  const ticks = listTicks(domain, Math.max(2, Math.floor((width - left) / TICK_PIXELS)), inUtc);
  return (
    <svg width={width} height={bottom + AXIS_PIXELS} role="img" aria-label={describe(lanes)}>
      <clipPath id={clip}>
        <rect x={left} y={0} width={width - left} height={bottom} />
      </clipPath>
      {ticks.map(({ at, text }) => (
        <g key={at}>
          <line className="timeline__tick" x1={place(at)} x2={place(at)} y1={0} y2={bottom + 4} />
          <text className="timeline__text" x={place(at)} y={bottom + 20} textAnchor={findAnchor(place(at), left, width)}>
            {text}
          </text>
        </g>
      ))}
      {lanes.map((lane, row) => {
        const top = row * laneHeight;
        const middle = top + laneHeight - LANE_PIXELS / 2;
        return (
          <g key={lane.title}>
            <line className="timeline__lane" x1={0} x2={width} y1={top + laneHeight} y2={top + laneHeight} />
            <text className="timeline__title" x={0} y={isWide ? middle + 5 : top + 16}>
              {lane.title}
            </text>
            <g clipPath={`url(#${clip})`}>
              {lane.spans.map((span) => (
                <Bar key={span.entry.reference + span.start} span={span} place={place} middle={middle} inUtc={inUtc} />
              ))}
              {inOrder(lane.marks).map((mark, index) => (
                <Point key={`${mark.entry.reference} ${mark.entry.what} ${index}`} mark={mark} x={place(mark.at)} y={middle} inUtc={inUtc} />
              ))}
            </g>
          </g>
        );
      })}
    </svg>
  );
}

/** Bad marks last, so that no other one hides them. */
function inOrder(marks: readonly Mark[]): Mark[] {
  return [...marks].sort((one, other) => Number(one.tone === "bad") - Number(other.tone === "bad"));
}

function findAnchor(x: number, left: number, width: number): "start" | "middle" | "end" {
  if (x - left < TICK_PIXELS / 2) return "start";
  return width - x < TICK_PIXELS / 2 ? "end" : "middle";
}

interface BarProps {
  span: Span;
  place: (at: number) => number;
  middle: number;
  inUtc: boolean;
}

function Bar({ span, place, middle, inUtc }: BarProps) {
  const x = place(span.start);
  const width = Math.max(SMALLEST_PIXELS, place(span.end) - x);
  return (
    <rect className={`timeline__shape timeline__shape--${span.tone}`} x={x} y={middle - BAR_PIXELS / 2} width={width} height={BAR_PIXELS} rx={3}>
      <title>{describeEntry(span.entry, inUtc)}</title>
    </rect>
  );
}

/** A circle, or a triangle for what is alarming: a colour is never the only sign. */
function Point({ mark, x, y, inUtc }: { mark: Mark; x: number; y: number; inUtc: boolean }) {
  const className = `timeline__shape timeline__shape--${mark.tone}`;
  const title = <title>{describeEntry(mark.entry, inUtc)}</title>;
  if (mark.tone !== "bad")
    return (
      <circle className={className} cx={x} cy={y} r={5}>
        {title}
      </circle>
    );
  return (
    <path className={className} d={`M${x} ${y - 7}l7 13h-14z`}>
      {title}
    </path>
  );
}

function describeEntry(entry: PastEntry, inUtc: boolean): string {
  const at = inUtc ? renderUtc(entry.at) : renderLocal(entry.at);
  return [`${at}: ${entry.what.replaceAll("_", " ")}`, entry.detail, entry.actor && `By ${entry.actor}`].filter(Boolean).join("\n");
}

function describe(lanes: readonly Lane[]): string {
  const counts = lanes.map(({ title, spans, marks }) => `${title}: ${spans.length + marks.length}`);
  return `Time line of the account. ${counts.join(", ")}.`;
}

const LEGEND: { tone: Tone; text: string }[] = [
  { tone: "present", text: "Credentials present" },
  { tone: "not_present", text: "Not present" },
  { tone: "unknown", text: "Unknown" },
  { tone: "recovery_open", text: "Recovery open" },
  { tone: "not_applicable", text: "Not applicable" },
  { tone: "open", text: "Window open" },
  { tone: "good", text: "Done, or window closed" },
  { tone: "plain", text: "Step or expected event" },
  { tone: "bad", text: "Failed or suspicious" },
];

/** The colours that are in the picture. */
function Legend({ lanes }: { lanes: readonly Lane[] }) {
  const tones = new Set(lanes.flatMap((lane) => [...lane.spans, ...lane.marks].map(({ tone }) => tone)));
  return (
    <ul className="timeline__legend" aria-label="Legend">
      {LEGEND.filter(({ tone }) => tones.has(tone)).map(({ tone, text }) => (
        <li key={tone}>
          <svg width={14} height={14} aria-hidden="true">
            {tone === "bad" ? (
              <path className="timeline__shape timeline__shape--bad" d="M7 1l6 12h-12z" />
            ) : (
              <rect className={`timeline__shape timeline__shape--${tone}`} x={1} y={1} width={12} height={12} rx={3} />
            )}
          </svg>
          {text}
        </li>
      ))}
    </ul>
  );
}
