/** The file trigger: which files of the inbox are requests, and where they end. Internal. Uses {@code generate} and below. */
package dev.bactrian.file;
