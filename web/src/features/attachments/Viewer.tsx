/**
 * A picture over the whole window: next, previous, download; arrows and Escape.
 * Loads the full picture; until it is there the thumbnail stands in.
 */
import { ChevronLeft, ChevronRight, Download, X } from "lucide-react";
import { Dialog as Primitive } from "radix-ui";
import { useState } from "react";
import type { KeyboardEvent } from "react";
import type { Attachment } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { IconButton } from "../../ui/Button";
import { focusFirstField, useFocusReturn } from "../../ui/focus";
import { useClient } from "../context/client";
import styles from "./Viewer.module.css";

export default function Viewer({ images, first, onClose }: { images: readonly Attachment[]; first: number; onClose: () => void }) {
  const { t, formats, direction } = useI18n();
  const { uploads } = useClient();
  const [index, setIndex] = useState(first);
  const focusBack = useFocusReturn();
  const image = images[index];
  if (image === undefined) return null;
  const step = (by: number) => setIndex((index + by + images.length) % images.length);
  const onKeyDown = (event: KeyboardEvent) => {
    const forward = direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") step(event.key === forward ? 1 : -1);
  };
  return (
    <Primitive.Root open onOpenChange={(open) => (open ? undefined : onClose())}>
      <Primitive.Portal>
        <Primitive.Content className={styles.viewer} aria-describedby={undefined} onOpenAutoFocus={focusFirstField} onCloseAutoFocus={focusBack} onKeyDown={onKeyDown}>
          <header className={styles.bar}>
            <div className={styles.text}>
              <Primitive.Title className={styles.name}>{image.name}</Primitive.Title>
              <p className={styles.note}>
                {formats.bytes(image.sizeBytes)}
                {image.width === undefined || image.height === undefined ? "" : ` · ${image.width} × ${image.height}`}
                {images.length > 1 ? ` · ${t("viewer.place", { at: index + 1, of: images.length })}` : ""}
              </p>
            </div>
            <a className={styles.download} href={uploads.url(image.attachmentId)} download={image.name} aria-label={t("attachment.download", { name: image.name })}>
              <Download aria-hidden="true" />
            </a>
            <Primitive.Close asChild>
              <IconButton label={t("action.close")} className={styles.button}>
                <X />
              </IconButton>
            </Primitive.Close>
          </header>
          <div className={styles.stage} onClick={(event) => (event.target === event.currentTarget ? onClose() : undefined)}>
            <img key={image.attachmentId} className={styles.image} src={uploads.url(image.attachmentId)} alt={image.name} />
          </div>
          {images.length > 1 ? (
            <>
              <IconButton label={t("viewer.previous")} className={`${styles.button} ${styles.previous}`} onClick={() => step(-1)}>
                <ChevronLeft className="mirror-in-rtl" />
              </IconButton>
              <IconButton label={t("viewer.next")} className={`${styles.button} ${styles.next}`} onClick={() => step(1)}>
                <ChevronRight className="mirror-in-rtl" />
              </IconButton>
            </>
          ) : null}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
