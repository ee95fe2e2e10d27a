/**
 * The names or emoji that suit what is being typed, above the field, which keeps the focus.
 * Knows nothing of keys: the field does.
 */
import { useT } from "../../i18n/I18nProvider";
import { classes } from "../../ui/classes";
import { PersonAvatar } from "../people/people";
import styles from "./SuggestionList.module.css";
import type { Suggestion } from "./useSuggestions";

export interface SuggestionListProps {
  id: string;
  suggestions: readonly Suggestion[];
  active: number;
  onChoose: (suggestion: Suggestion) => void;
}

export function SuggestionList({ id, suggestions, active, onChoose }: SuggestionListProps) {
  const t = useT();
  return (
    <ul id={id} role="listbox" aria-label={t("composer.suggestions")} className={styles.list}>
      {suggestions.map((suggestion, index) => (
        <li
          key={suggestion.key}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === active}
          className={classes(styles.suggestion, index === active && styles.active)}
          onPointerDown={(event) => {
            event.preventDefault();
            onChoose(suggestion);
          }}
        >
          {suggestion.user === undefined ? (
            <span className={styles.emoji}>{suggestion.emoji}</span>
          ) : (
            <PersonAvatar userId={suggestion.user.userId} size="small" />
          )}
          <span className={styles.label}>{suggestion.label}</span>
          <span className={styles.note}>{suggestion.note}</span>
        </li>
      ))}
    </ul>
  );
}
