/** The command line. */
package dev.javisor.cli;
