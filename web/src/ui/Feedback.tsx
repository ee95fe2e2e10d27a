/**
 * What tells how things stand: badge, banner, empty place, progress, bones of what is loading.
 * Know no words of their own.
 */
import type { ReactNode } from "react";
import { classes } from "./classes";
import styles from "./Feedback.module.css";

export function Badge({ tone = "neutral", children }: { tone?: "neutral" | "accent" | "danger" | "success" | "warning"; children: ReactNode }) {
  return <span className={classes(styles.badge, styles[`${tone}Badge`])}>{children}</span>;
}

export interface BannerProps {
  tone: "info" | "warning" | "danger" | "success";
  icon?: ReactNode;
  action?: ReactNode;
  /** From edge to edge, without corners. */
  edge?: boolean;
  /** Announced when it appears. */
  live?: boolean;
  children: ReactNode;
}

export function Banner({ tone, icon, action, edge, live, children }: BannerProps) {
  return (
    <div className={classes(styles.banner, styles[`${tone}Banner`], edge && styles.edge)} role={live === true ? "status" : undefined}>
      {icon}
      <div className={styles.bannerText}>{children}</div>
      {action}
    </div>
  );
}

export interface EmptyStateProps {
  icon: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}

export function EmptyState({ icon, title, children, action }: EmptyStateProps) {
  return (
    <div className={styles.empty}>
      <span className={styles.emptyIcon} aria-hidden="true">
        {icon}
      </span>
      <p className={styles.emptyTitle}>{title}</p>
      {children === undefined ? null : <div className={styles.emptyText}>{children}</div>}
      {action}
    </div>
  );
}

/** A bar; without a value it says that something goes on. */
export function Progress({ label, value, max = 1 }: { label: string; value?: number; max?: number }) {
  return <progress className={styles.progress} aria-label={label} value={value} max={max} />;
}

/** Bones of rows that are loading; named once for assistive technology. */
export function SkeletonRows({ label, rows }: { label: string; rows: number }) {
  return (
    <div className={styles.skeleton} role="status">
      <span className="visually-hidden">{label}</span>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className={styles.skeletonRow} aria-hidden="true">
          <span className={styles.boneRound} />
          <span className={styles.boneLines}>
            <span className={classes(styles.bone, styles[`bone${index % 3}`])} />
            <span className={classes(styles.bone, styles.boneThin)} />
          </span>
        </div>
      ))}
    </div>
  );
}
