/**
 * A table that scrolls sideways where it is too wide, with what is shown while it loads, is empty or failed.
 * Knows no column: the caller gives head and rows.
 */
import { Inbox } from "lucide-react";
import type { ReactNode } from "react";
import { useT } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { Banner, EmptyState, SkeletonRows } from "../../ui/Feedback";
import { errorText } from "../context/errors";
import type { Pages } from "../context/usePages";
import styles from "./Table.module.css";

export interface TableProps<T> {
  label: string;
  columns: readonly string[];
  pages: Pages<T>;
  empty: string;
  children: (item: T) => ReactNode;
}

export function Table<T>({ label, columns, pages, empty, children }: TableProps<T>) {
  const t = useT();
  if (pages.error !== undefined) {
    return (
      <Banner tone="danger" action={<Button small onClick={pages.again}>{t("action.retry")}</Button>}>
        {errorText(pages.error, t)}
      </Banner>
    );
  }
  if (pages.items.length === 0) {
    return pages.loading ? <SkeletonRows label={t("state.loading")} rows={5} /> : <EmptyState icon={<Inbox />} title={empty} />;
  }
  return (
    <>
      <div className={styles.scroll} tabIndex={0} role="region" aria-label={label}>
        <table className={styles.table}>
          <thead>
            <tr>
              {columns.map((column, index) => (
                <th key={index} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{pages.items.map(children)}</tbody>
        </table>
      </div>
      {pages.hasMore ? (
        <div className={styles.more}>
          <Button busy={pages.loading} onClick={pages.more}>
            {t("list.more")}
          </Button>
        </div>
      ) : null}
    </>
  );
}
