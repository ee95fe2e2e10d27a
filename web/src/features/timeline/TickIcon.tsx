/**
 * How far a message of one's own has come, as a small sign with a name.
 * Knows no message.
 */
import { Check, CheckCheck, CircleAlert, Clock } from "lucide-react";
import { useT } from "../../i18n/I18nProvider";
import { classes } from "../../ui/classes";
import styles from "./TickIcon.module.css";
import type { Tick } from "./ticks";

const ICONS = { pending: Clock, failed: CircleAlert, sent: Check, delivered: CheckCheck, read: CheckCheck } as const;

export function TickIcon({ tick }: { tick: Tick }) {
  const t = useT();
  const Icon = ICONS[tick];
  const name = t(`tick.${tick}`);
  return (
    <span className={classes(styles.tick, styles[tick])} role="img" aria-label={name} title={name} data-tick={tick}>
      <Icon aria-hidden="true" />
    </span>
  );
}
