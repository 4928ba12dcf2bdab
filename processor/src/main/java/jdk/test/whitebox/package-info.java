/** What has to bear the name that HotSpot knows. */
package jdk.test.whitebox;
