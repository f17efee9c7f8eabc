/** What keeps the routes and the application that they are part of apart, and tells the application what stops its start. Internal. */
package dev.bactrian.host;
