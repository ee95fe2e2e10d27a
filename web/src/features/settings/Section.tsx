/**
 * A part of a settings page: a heading, a sentence, what belongs to it.
 * Knows nothing of what is set.
 */
import type { ReactNode } from "react";
import styles from "./Section.module.css";

export function Section({ title, text, children }: { title: string; text?: ReactNode; children: ReactNode }) {
  return (
    <section className={styles.section}>
      <div>
        <h2 className={styles.title}>{title}</h2>
        {text === undefined ? null : <p className={styles.text}>{text}</p>}
      </div>
      {children}
    </section>
  );
}

export function Row({ children }: { children: ReactNode }) {
  return <div className={styles.row}>{children}</div>;
}
