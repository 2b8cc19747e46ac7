/** Hands a file to the browser to save, as if a link to it had been clicked. */
export function saveFile(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads the file after the click; some do it late.
  window.setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
