/** System instructions: control and debug registers, translations, model-specific registers, identification. */
package dev.javisor.processor.system;
