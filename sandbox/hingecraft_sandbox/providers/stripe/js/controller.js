// A frame without a form, through which a page asks for an intent.
import { answering, retrieved } from './frame.js';

answering({ retrieve: retrieved });
