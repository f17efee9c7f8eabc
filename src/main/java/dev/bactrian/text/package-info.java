/** Text utilities: valid Unicode, safe log lines, JSON. Internal. Uses nothing else of Bactrian. */
package dev.bactrian.text;
