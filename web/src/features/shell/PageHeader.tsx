/**
 * The line above a page: the way back on a phone, a title, what can be done.
 * Knows no page.
 */
import { ArrowLeft } from "lucide-react";
import type { ReactNode } from "react";
import { useT } from "../../i18n/I18nProvider";
import { IconButton } from "../../ui/Button";
import { useGo } from "../context/navigation";
import styles from "./PageHeader.module.css";

export interface PageHeaderProps {
  title: ReactNode;
  subtitle?: ReactNode;
  lead?: ReactNode;
  children?: ReactNode;
}

export function PageHeader({ title, subtitle, lead, children }: PageHeaderProps) {
  const t = useT();
  const go = useGo();
  return (
    <header className={styles.header}>
      <span className={styles.back}>
        <IconButton label={t("action.back")} onClick={() => go({ page: "home" })}>
          <ArrowLeft className="mirror-in-rtl" />
        </IconButton>
      </span>
      {lead}
      <div className={styles.text}>
        <h1 className={styles.title}>{title}</h1>
        {subtitle === undefined || subtitle === "" ? null : <p className={styles.subtitle}>{subtitle}</p>}
      </div>
      <div className={styles.actions}>{children}</div>
    </header>
  );
}

/** A page that is read from the top: header, and content that scrolls. */
export function ScrollPage({ header, wide, children }: { header: ReactNode; wide?: boolean; children: ReactNode }) {
  return (
    <>
      {header}
      <div className={styles.scroll}>
        <div className={wide === true ? styles.contentWide : styles.content}>{children}</div>
      </div>
    </>
  );
}
