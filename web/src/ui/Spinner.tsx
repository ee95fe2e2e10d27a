/**
 * Something is going on.
 * Says nothing by itself: who shows it names what is busy.
 */
import styles from "./Spinner.module.css";

export function Spinner() {
  return <span className={styles.spinner} aria-hidden="true" />;
}
