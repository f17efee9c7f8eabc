/** Text as such: what is valid Unicode, and how pieces of it are put together. Internal. Uses nothing else of Bactrian. */
package dev.bactrian.text;
