/** The file trigger: which files of the inbox are requests, and where they are moved. Internal. Uses {@code generate} and below. */
package dev.bactrian.file;
