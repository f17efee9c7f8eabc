/** The provider Upstage: a chat completion that streams as server-sent events. Internal. No other package depends on it. */
package dev.bactrian.upstage;
