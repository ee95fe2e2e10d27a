/**
 * The files of a message: pictures as thumbnails of their final size, so that nothing jumps, everything else as cards.
 * A picture opens the viewer, which is loaded then.
 */
import { Download, File, FileArchive, FileAudio, FileCode, FileSpreadsheet, FileText, FileVideo } from "lucide-react";
import { Suspense, lazy, useState } from "react";
import type { Attachment } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { useClient } from "../context/client";
import styles from "./Attachments.module.css";
import { thumbnailSize } from "./size";

const Viewer = lazy(() => import("./Viewer"));

export function Attachments({ attachments }: { attachments: readonly Attachment[] }) {
  const { t } = useI18n();
  const [shown, setShown] = useState<number | undefined>(undefined);
  if (attachments.length === 0) return null;
  const images = attachments.filter((attachment) => attachment.thumbnail);
  const files = attachments.filter((attachment) => !attachment.thumbnail);
  return (
    <div className={styles.attachments}>
      {images.length === 0 ? null : (
        <ul role="list" className={styles.images} aria-label={t("attachment.images")}>
          {images.map((image, index) => (
            <li key={image.attachmentId}>
              <Thumbnail image={image} single={images.length === 1} onOpen={() => setShown(index)} />
            </li>
          ))}
        </ul>
      )}
      {files.length === 0 ? null : (
        <ul role="list" className={styles.files} aria-label={t("attachment.files")}>
          {files.map((file) => (
            <li key={file.attachmentId}>
              <FileCard file={file} />
            </li>
          ))}
        </ul>
      )}
      {shown === undefined ? null : (
        <Suspense fallback={null}>
          <Viewer images={images} first={shown} onClose={() => setShown(undefined)} />
        </Suspense>
      )}
    </div>
  );
}

function Thumbnail({ image, single, onOpen }: { image: Attachment; single: boolean; onOpen: () => void }) {
  const { t } = useI18n();
  const { uploads } = useClient();
  const size = thumbnailSize(image, single);
  return (
    <button type="button" className={styles.thumbnail} aria-label={t("attachment.open", { name: image.name })} onClick={onOpen}>
      <img
        src={uploads.thumbnailUrl(image.attachmentId)}
        alt={image.name}
        width={size.width}
        height={size.height}
        loading="lazy"
        decoding="async"
        draggable={false}
      />
    </button>
  );
}

function FileCard({ file }: { file: Attachment }) {
  const { t, formats } = useI18n();
  const { uploads } = useClient();
  const Icon = iconOf(file.contentType);
  return (
    <a className={styles.file} href={uploads.url(file.attachmentId)} download={file.name}>
      <span className={styles.fileIcon} aria-hidden="true">
        <Icon />
      </span>
      <span className={styles.fileText}>
        <span className={styles.fileName}>{file.name}</span>
        <span className={styles.fileNote}>
          {formats.bytes(file.sizeBytes)} · {kindOf(file)}
        </span>
      </span>
      <Download role="img" aria-label={t("attachment.save")} />
    </a>
  );
}

const ICONS = [
  [/^video\//u, FileVideo],
  [/^audio\//u, FileAudio],
  [/zip|tar|compress|7z|rar/u, FileArchive],
  [/sheet|excel|csv/u, FileSpreadsheet],
  [/json|xml|javascript|html|css|x-sh|rust|python/u, FileCode],
  [/^text\/|pdf|word|document/u, FileText],
] as const;

function iconOf(contentType: string) {
  return ICONS.find(([pattern]) => pattern.test(contentType))?.[1] ?? File;
}

/** `PDF` from `tea.pdf`, else the content type. */
function kindOf(file: Attachment): string {
  const extension = /\.([a-z0-9]{1,8})$/iu.exec(file.name)?.[1];
  return extension === undefined ? file.contentType : extension.toUpperCase();
}
