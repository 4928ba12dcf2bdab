/** Saving and restoring processor extended state: FXSAVE, FXRSTOR and the XSAVE feature set. */
package dev.javisor.processor.xsave;
