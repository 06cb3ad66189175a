/** What a home screen shows: name and icon, which live in the page as all of it does. */

const ICON_PIXELS = 192;

/** The icon as a picture of pixels, since telephones take no drawings. */
async function drawn(svg: string): Promise<string> {
  const image = new Image();
  image.src = svg;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = ICON_PIXELS;
  canvas.height = ICON_PIXELS;
  canvas.getContext("2d")!.drawImage(image, 0, 0, ICON_PIXELS, ICON_PIXELS);
  return canvas.toDataURL("image/png");
}

function link(rel: string, href: string): void {
  const element = document.createElement("link");
  element.rel = rel;
  element.href = href;
  document.head.append(element);
}

/** A manifest within a page cannot name its address, which is known only now. From a file there is none. */
export async function offerHomeScreen(): Promise<void> {
  if (!location.protocol.startsWith("http")) return;
  const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]")!.href;
  const png = await drawn(icon);
  link("apple-touch-icon", png);
  const here = `${location.origin}${location.pathname}`;
  const manifest = {
    name: "sallyport",
    short_name: "sallyport",
    id: here,
    start_url: here,
    scope: here,
    display: "standalone",
    icons: [{ src: png, sizes: `${ICON_PIXELS}x${ICON_PIXELS}`, type: "image/png" }],
  };
  link(
    "manifest",
    `data:application/manifest+json,${encodeURIComponent(JSON.stringify(manifest))}`,
  );
}
