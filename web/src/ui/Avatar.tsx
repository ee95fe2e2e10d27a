/**
 * A person's or a conversation's picture: an image if there is one, else initials on a stable colour; with presence if asked.
 * Decorative: the name stands beside it, or its caller names it.
 */
import { useState } from "react";
import type { ReactNode } from "react";
import styles from "./Avatar.module.css";
import { classes } from "./classes";
import { initialsOf, toneOf } from "./tone";

export type Presence = "online" | "away" | "offline";

export interface AvatarProps {
  /** Gives the colour. */
  id: string;
  name: string;
  src?: string | undefined;
  size?: "small" | "medium" | "large";
  square?: boolean;
  /** In place of the initials, such as a `#`. */
  glyph?: ReactNode;
  presence?: Presence | undefined;
}

export function Avatar({ id, name, src, size = "medium", square, glyph, presence }: AvatarProps) {
  return (
    <span className={classes(styles.avatar, styles[size], square && styles.square)} aria-hidden="true">
      <span className={classes(styles.face, styles[`tone${toneOf(id)}`])}>
        <Picture key={src} src={src} fallback={glyph ?? initialsOf(name)} />
      </span>
      {presence === undefined ? null : <PresenceDot presence={presence} />}
    </span>
  );
}

function Picture({ src, fallback }: { src: string | undefined; fallback: ReactNode }) {
  const [broken, setBroken] = useState(false);
  if (src === undefined || broken) return fallback;
  return <img className={styles.image} src={src} alt="" draggable={false} decoding="async" onError={() => setBroken(true)} />;
}

export function PresenceDot({ presence }: { presence: Presence }) {
  return <span className={classes(styles.presence, styles[presence])} />;
}
