/**
 * The files that go with the next message: picture or icon, progress, taking away, trying again.
 * Watches the core's uploads; holds none.
 */
import { FileText, RotateCcw, X } from "lucide-react";
import type { Upload } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { IconButton } from "../../ui/Button";
import { classes } from "../../ui/classes";
import { Progress } from "../../ui/Feedback";
import { useClient } from "../context/client";
import { codeText } from "../context/errors";
import styles from "./UploadTray.module.css";

export function UploadTray({ uploads }: { uploads: readonly Upload[] }) {
  const { t } = useI18n();
  if (uploads.length === 0) return null;
  return (
    <ul role="list" className={styles.tray} aria-label={t("uploads.label")}>
      {uploads.map((upload) => (
        <UploadCard key={upload.uploadId} upload={upload} />
      ))}
    </ul>
  );
}

function UploadCard({ upload }: { upload: Upload }) {
  const { t, formats } = useI18n();
  const { uploads } = useClient();
  const failed = upload.state === "failed";
  return (
    <li className={classes(styles.card, failed && styles.failed)}>
      {upload.previewUrl === undefined ? (
        <span className={styles.icon} aria-hidden="true">
          <FileText />
        </span>
      ) : (
        <img className={styles.preview} src={upload.previewUrl} alt="" />
      )}
      <div className={styles.text}>
        <span className={styles.name}>{upload.name}</span>
        <span className={styles.note} role={failed ? "alert" : undefined}>
          {upload.error === undefined ? formats.bytes(upload.sizeBytes) : codeText(upload.error.code, upload.error.message, t)}
        </span>
        {upload.state === "uploading" || upload.state === "waiting" ? (
          <Progress label={t("uploads.progress", { name: upload.name })} value={upload.progress} />
        ) : null}
      </div>
      {failed ? (
        <IconButton small label={t("action.retry")} onClick={() => uploads.retry(upload.uploadId)}>
          <RotateCcw />
        </IconButton>
      ) : null}
      <IconButton small label={t("uploads.remove", { name: upload.name })} onClick={() => uploads.remove(upload.uploadId)}>
        <X />
      </IconButton>
    </li>
  );
}
