// The widget in Wix's editor, by Wix's own channel. Loaded only inside a frame.
import { editor, widget } from '@wix/editor';

/** @returns {{getProp: (name: string) => Promise<string>, setProp: (name: string, value: string) => Promise<void>}} */
export function connect() {
  return widget.create(editor.host());
}
