/**
 * A small line of recent values, with its range in words for who cannot see it.
 * Knows no unit: the caller writes the numbers.
 */
import styles from "./Sparkline.module.css";

export interface SparklineProps {
  /** What it shows and how it went, in words. */
  label: string;
  values: readonly number[];
  /** Room for so many values. */
  max: number;
}

const WIDTH = 240;
const HEIGHT = 56;

export function Sparkline({ label, values, max }: SparklineProps) {
  const points = pointsOf(values, max);
  const first = points[0];
  const last = points.at(-1);
  if (first === undefined || last === undefined) return <div className={styles.sparkline} />;
  const line = points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  return (
    <svg className={styles.sparkline} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <polygon className={styles.area} points={`${first.x},${HEIGHT} ${line} ${last.x},${HEIGHT}`} />
      <polyline className={styles.line} points={line} />
    </svg>
  );
}

/** Newest at the end; the highest value a little below the top; a flat line where all are alike. */
export function pointsOf(values: readonly number[], max: number): readonly { x: number; y: number }[] {
  const shown = values.slice(-max);
  const top = Math.max(1e-9, ...shown) * 1.12;
  const step = WIDTH / Math.max(1, max - 1);
  return shown.map((value, index) => ({ x: WIDTH - (shown.length - 1 - index) * step, y: HEIGHT - (Math.max(0, value) / top) * (HEIGHT - 3) - 1 }));
}
