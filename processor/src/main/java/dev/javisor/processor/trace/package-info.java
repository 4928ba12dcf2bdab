/** What happened to events and guests: records, their classes, and their text. */
package dev.javisor.processor.trace;
