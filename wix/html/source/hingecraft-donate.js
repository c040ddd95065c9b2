// The widget's file. A page may load it twice, such as once for each widget.
import { Donate } from './widget/element.js';

if (!customElements.get('hingecraft-donate')) customElements.define('hingecraft-donate', Donate);
