/** Small line chart of the last five minutes, with one or two lines on one scale. */
import { chartLine } from './chart-line.js';
import type { ChartPoint } from './chart-line.js';

const WIDTH = 320;
const HEIGHT = 56;

export interface Series {
  readonly name: string;
  readonly tone: 'a' | 'b';
  readonly points: readonly ChartPoint[];
}

export interface SparklineProps {
  readonly title: string;
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  readonly fromMs: number;
  readonly toMs: number;
}

export function Sparkline({ title, series, format, fromMs, toMs }: SparklineProps) {
  const values = series.flatMap((each) => each.points.map((point) => point.value)).filter(Number.isFinite);
  const top = Math.max(...values, 0);
  return (
    <figure class="sparkline">
      <figcaption>
        <span>{title}</span>
        <span class="sparkline-latest">
          {series.map((each) => (
            <span key={each.name} class={`tone-${each.tone}`}>
              {each.name === '' ? '' : `${each.name} `}
              {latest(each, format)}
            </span>
          ))}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}, last 5 minutes`}
      >
        <path class="sparkline-grid" d={`M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`} />
        {series.map((each) => {
          const line = chartLine(each.points, { fromMs, toMs, top }, { width: WIDTH, height: HEIGHT });
          return (
            <g key={each.name} class={`tone-${each.tone}`}>
              <path class="sparkline-area" d={line.area} />
              <path class="sparkline-line" d={line.line} vector-effect="non-scaling-stroke" />
            </g>
          );
        })}
      </svg>
      <div class="sparkline-scale">
        <span>5 min ago</span>
        <span>{values.length === 0 ? 'collecting…' : `peak ${format(top)}`}</span>
        <span>now</span>
      </div>
    </figure>
  );
}

function latest(series: Series, format: (value: number) => string): string {
  const value = series.points.at(-1)?.value;
  return value === undefined || Number.isNaN(value) ? '–' : format(value);
}
