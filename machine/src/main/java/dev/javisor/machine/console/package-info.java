/** Where the bytes go that a guest prints, and where those come from that are typed to it. */
package dev.javisor.machine.console;
